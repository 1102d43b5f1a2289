// transformers: get_per_layer_inputs and project_per_layer_inputs of Gemma4TextModel, Gemma4TextDecoderLayer.
#include "per_layer_inputs.hpp"

using namespace garage;
using namespace garage::sdk;

PerLayerDims read_per_layer_dims(const ConfigReader& config, double eps) {
  return {.size = config.count("hidden_size_per_layer_input", 256),
          .vocab = config.dimension("vocab_size_per_layer_input", 262144),
          .eps = eps};
}

void add_per_layer_inputs(StackBuilder& text, const PerLayerDims& dims) {
  const auto hidden = text.dims().hidden, all = text.dims().layers * dims.size;
  CustomTensors tensors(text.tensors());
  tensors.add({{"embed_tokens_per_layer.weight", {dims.vocab, all}},
               {"per_layer_model_projection.weight", {all, hidden}},
               {"per_layer_projection_norm.weight", {dims.size}}});
  text.step(
      "per_layer_inputs", part_type::kEmbedding, "embed_tokens_per_layer", hidden, hidden,
      tensors.take({{"layers", text.dims().layers}, {"norm_eps", dims.eps}, {"rounds_scales", dims.rounds_scales}},
                   "per_layer_inputs"));
}

Part per_layer_input(LayerBuilder& layer, const PerLayerDims& dims, const std::string& activation) {
  const auto hidden = layer.dims().hidden;
  CustomTensors tensors(layer.tensors());
  tensors.add(
      {{"per_layer_input_gate.weight", {dims.size, hidden}}, {"per_layer_projection.weight", {hidden, dims.size}}});
  return layer.part("per_layer_input", "per_layer_input", "per_layer_projection", dims.size,
                    tensors.take({{"activation", activation}, {"inputs", "per_layer_inputs"}, {"layer", layer.index()}},
                                 "per_layer_input"));
}
