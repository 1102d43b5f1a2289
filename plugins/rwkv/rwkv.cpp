// RWKV-4 (transformers: modeling_rwkv.py, configuration_rwkv.py; arXiv:2305.13048). Its layers mix each token with the
// one before it, in time and in channels: mixes.cpp computes both.
#include <cmath>

#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

const FamilyNames kNames = {
    "rwkv",
    {"rwkv"},
    {"RwkvForCausalLM", "RwkvModel"},
    {{{"attention.time_decay", "attention.time_first", "feed_forward.time_mix_key", "ln1.weight"}, {}, {}, "blocks"}}};

// RwkvConfig.
StackDims read_dims(const ConfigReader& config) {
  StackDims dims;
  dims.hidden = config.dimension("hidden_size", 4096);
  dims.layers = config.dimension("num_hidden_layers", 32);
  dims.intermediate = config.dimension("intermediate_size", 4 * dims.hidden);
  dims.vocab = config.dimension("vocab_size", 50277);
  dims.max_positions = config.dimension_of({"context_length", "max_position_embeddings"}, 1024);
  return dims;
}

// RwkvSelfAttention; roles are its own names.
Part time_mix(LayerBuilder& layer, std::int64_t width) {
  const std::string module = "attention";
  const auto hidden = layer.dims().hidden;
  CustomTensors tensors(layer.tensors().below(module + "."));
  tensors.add({{"time_decay", {width}}, {"time_first", {width}}});
  for (const auto* of : {"key", "value", "receptance"}) {
    tensors.add("time_mix_" + std::string(of), {1, 1, hidden});
    tensors.linear(of, hidden, width, /*bias=*/false);
  }
  tensors.linear("output", width, hidden, /*bias=*/false);
  return layer.part("mixer", part_type::kMixer, module, width, tensors.take({}, "time_mix"));
}

// RwkvFeedForward.
Part channel_mix(LayerBuilder& layer) {
  const std::string module = "feed_forward";
  const auto hidden = layer.dims().hidden, width = layer.dims().intermediate;
  CustomTensors tensors(layer.tensors().below(module + "."));
  tensors.add({{"time_mix_key", {1, 1, hidden}}, {"time_mix_receptance", {1, 1, hidden}}});
  tensors.linear("key", hidden, width, /*bias=*/false);
  tensors.linear("receptance", hidden, hidden, /*bias=*/false);
  tensors.linear("value", width, hidden, /*bias=*/false);
  return layer.part("ffn", part_type::kFfn, module, width, tensors.take({}, "channel_mix"));
}

// RwkvModel._rescale_layers: so that a stream of half precision stays small, it is halved behind every so many layers,
// and what later layers add counts as much less.
struct Rescaling {
  std::int64_t every;  // 0: never

  double added(std::int64_t layer) const { return every == 0 ? 1 : std::exp2(-static_cast<double>(layer / every)); }
  double kept(std::int64_t layer) const { return every > 0 && (layer + 1) % every == 0 ? 0.5 : 1; }
};

class RwkvDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_dims(config);
    const auto norm = layer_norm(config.positive("layer_norm_epsilon", 1e-5));
    const auto width = config.dimension("attention_hidden_size", dims.hidden);
    const Rescaling rescaling{config.count("rescale_every", 6)};
    StackBuilder text(model,
                      {.family = "rwkv",
                       .base_class = "RwkvModel",
                       .prefix = "rwkv.",
                       .layers = "blocks",
                       .heads = {"head"},
                       .all_modules = true},
                      dims);
    text.embedding("embeddings");
    for (auto& layer : text.layers()) {
      const auto added = rescaling.added(layer.index()), kept = rescaling.kept(layer.index());
      // The first layer norms the stream itself: the norm is all that is left of it.
      if (layer.index() == 0) layer.stage(Stage{.branches = {{.op = layer.norm("pre_ln", norm)}}, .keep = 0});
      layer.stage({.norm = layer.norm("ln1", norm), .op = time_mix(layer, width), .scale = added});
      layer.stage(
          Stage{.branches = {{.norm = layer.norm("ln2", norm), .op = channel_mix(layer), .scale = added * kept}},
                .keep = kept});
    }
    text.final_norm("ln_out", layer_norm(1e-5));
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(RwkvDecomposer, {.name = "rwkv",
                               .version = "1.0.0",
                               .license = "Apache-2.0",
                               .families = {"rwkv"},
                               .model_types = kNames.model_types});
