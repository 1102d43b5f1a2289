// BLOOM (transformers: modeling_bloom.py, configuration_bloom.py).
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// BloomConfig. Nothing bounds the positions; the first configs name the length that was trained on.
StackDims read_dims(const ConfigReader& config) {
  StackDims dims;
  dims.hidden = config.dimension("n_embed", config.dimension("hidden_size", 64));
  dims.layers = config.dimension_of({"n_layer", "num_hidden_layers"}, 2);
  dims.heads = dims.kv_heads = config.dimension_of({"n_head", "num_attention_heads"}, 8);
  dims.head_dim = split_into_heads(config, dims.hidden, dims.heads);
  dims.intermediate = 4 * dims.hidden;
  dims.vocab = config.dimension("vocab_size", 250880);
  dims.max_positions = config.count("seq_length", 0);
  return dims;
}

const FamilyNames kNames = {"bloom", {"bloom"}, {"BloomForCausalLM", "BloomModel"}};

class BloomDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    if (config.flag("apply_residual_connection_post_layernorm", false))
      config.unsupported("apply_residual_connection_post_layernorm", "a stream that is the norm's result");
    const auto norm = layer_norm(config.positive("layer_norm_epsilon", 1e-5));
    StackBuilder text(model,
                      {.family = "bloom",
                       .base_class = "BloomModel",
                       .prefix = "transformer.",
                       .layers = "h",
                       .layers_key = std::string(config.spelling({"n_layer", "num_hidden_layers"})),
                       .token_head = "classifier",
                       .all_modules = true},
                      read_dims(config));
    text.embedding("word_embeddings");
    text.embedding_norm("word_embeddings_layernorm", norm);
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm),
                   .op = gqa(layer, "self_attention",
                             {.qkv = fused_qkv("query_key_value", FusedRows::by_group),
                              .o = "dense",
                              .bias = true,
                              .o_bias = true,
                              .alibi = Alibi{}})});
      // BloomGelu is GELU by tanh.
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                   .op = plain_mlp(layer, "mlp", {"gelu_pytorch_tanh", "dense_h_to_4h", "dense_4h_to_h"})});
    }
    text.final_norm("ln_f", norm);
    text.output_head({.tied = read_tie(config, true)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(BloomDecomposer, {.name = "bloom",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .families = {"bloom"},
                                .model_types = kNames.model_types});
