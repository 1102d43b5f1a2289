// XGLM (transformers: modeling_xglm.py, configuration_xglm.py).
#include <cmath>

#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// XGLMConfig.
StackDims read_dims(const ConfigReader& config) {
  StackDims dims;
  dims.hidden = config.dimension_of({"d_model", "hidden_size"}, 1024);
  dims.layers = config.dimension_of({"num_layers", "num_hidden_layers"}, 24);
  dims.heads = dims.kv_heads = config.dimension_of({"attention_heads", "num_attention_heads"}, 16);
  dims.head_dim = split_into_heads(config, dims.hidden, dims.heads);
  dims.intermediate = config.dimension("ffn_dim", 4096);
  dims.vocab = config.dimension("vocab_size", 256008);
  dims.max_positions = config.dimension("max_position_embeddings", 2048);
  return dims;
}

constexpr std::int64_t kOffset = 2;  // XGLMSinusoidalPositionalEmbedding::offset

// The row of the padding token is zero, of whichever position it is.
void require_no_position_of_padding(const ConfigReader& config) {
  if (config.count("pad_token_id", 1) >= kOffset)
    config.unsupported("pad_token_id", "a position whose embedding is zero");
}

const FamilyNames kNames = {"xglm", {"xglm"}, {"XGLMForCausalLM", "XGLMModel"}};

class XglmDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    if (config.flag("add_cross_attention", false)) config.unsupported("add_cross_attention", "attention to an encoder");
    require_no_position_of_padding(config);
    const auto dims = read_dims(config);
    const auto activation = config.text("activation_function", "gelu");
    const bool scaled = config.flag("scale_embedding", true);
    const auto norm = layer_norm(1e-5);
    StackBuilder text(model,
                      {.family = "xglm",
                       .base_class = "XGLMModel",
                       .layers_key = std::string(config.spelling({"num_layers", "num_hidden_layers"})),
                       .all_modules = true},
                      dims);
    text.embedding("embed_tokens", {.scale = scaled ? std::sqrt(static_cast<double>(dims.hidden)) : 1});
    text.positions("embed_positions", {dims.hidden, AngularSpeed::to_base, 10000, kOffset});
    text.ignore("embed_positions.weights", "sines and cosines, computed anew");
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("self_attn_layer_norm", norm),
                   .op = gqa(layer, "self_attn", {.o = "out_proj", .bias = true, .o_bias = true})});
      layer.stage({.norm = layer.norm("final_layer_norm", norm),
                   .op = plain_mlp(layer, "", {.activation = activation, .bias = true})});
    }
    text.final_norm("layer_norm", norm);
    text.output_head({.tied = read_tie(config, true)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(XglmDecomposer, {.name = "xglm",
                               .version = "1.0.0",
                               .license = "Apache-2.0",
                               .families = {"xglm"},
                               .model_types = kNames.model_types});
