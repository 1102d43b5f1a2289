// Falcon (transformers: modeling_falcon.py, configuration_falcon.py), and its first checkpoints, whose model_type is
// RefinedWebModel or RefinedWeb (convert_custom_code_checkpoint.py).
#include <cmath>

#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

const FamilyNames kNames = {"falcon",
                            {"falcon", "RefinedWebModel", "RefinedWeb"},
                            {"FalconForCausalLM", "FalconModel", "RWForCausalLM", "RWModel"},
                            {}};

// What FalconConfig says of the layers.
struct Architecture {
  std::string heads_key, layers_key, kv_heads_key;
  bool grouped;   // new_decoder_architecture: keys and values in groups, always in parallel
  bool parallel;  // attention and feed-forward side by side
  std::int64_t norms;  // of those side by side: 2, one each, or 1
};

Architecture read_architecture(const ConfigReader& config, bool is_first) {
  Architecture read;
  read.heads_key = is_first ? config.spelling({"n_head", "num_attention_heads"}) : "num_attention_heads";
  read.layers_key = is_first ? config.spelling({"n_layer", "num_hidden_layers"}) : "num_hidden_layers";
  read.kv_heads_key = is_first ? config.spelling({"n_head_kv", "num_kv_heads"}) : "num_kv_heads";
  read.grouped = is_first ? config.has("n_head_kv") : config.flag("new_decoder_architecture", false);
  read.parallel = config.flag("parallel_attn", true);
  read.norms = config.dimension("num_ln_in_parallel_attn", read.grouped ? 2 : 1);
  // FalconDecoderLayer makes the norms by one rule and runs them by another: of these it has none that it runs.
  if (read.grouped && !read.parallel) config.unsupported("parallel_attn", "a grouped attention before the feed-forward");
  if (read.grouped ? read.norms > 2 : read.parallel && read.norms == 2)
    config.unsupported("num_ln_in_parallel_attn", "another number of norms than the class runs");
  return read;
}

// FalconConfig.
StackDims read_dims(const ConfigReader& config, const Architecture& architecture) {
  StackDims dims;
  dims.hidden = config.dimension("n_embed", config.dimension("hidden_size", 4544));
  dims.layers = config.dimension(architecture.layers_key, 32);
  dims.heads = config.dimension(architecture.heads_key, 71);
  dims.head_dim = split_into_heads(config, dims.hidden, dims.heads);
  const bool one_for_all = !architecture.grouped && config.flag("multi_query", true);
  dims.kv_heads = one_for_all ? 1 : config.dimension(architecture.kv_heads_key, dims.heads);
  if (architecture.grouped ? dims.heads % dims.kv_heads != 0 : !one_for_all && dims.kv_heads != dims.heads)
    config.refuse(architecture.kv_heads_key, architecture.grouped
                                                 ? "a divisor of the " + std::to_string(dims.heads) + " heads"
                                                 : "as many as heads, " + std::to_string(dims.heads));
  dims.intermediate = config.dimension("ffn_hidden_size", 4 * dims.hidden);
  dims.vocab = config.dimension("vocab_size", 65024);
  dims.max_positions = config.dimension("max_position_embeddings", 2048);
  return dims;
}

class FalconDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const bool is_first = !is_of(model, "falcon");
    if (is_first && config.flag("apply_residual_connection_post_layernorm", false))
      config.unsupported("apply_residual_connection_post_layernorm", "a stream that is the norm's result");
    const auto architecture = read_architecture(config, is_first);
    StackBuilder text(model,
                      {.family = "falcon",
                       .base_class = is_first ? "RWModel" : "FalconModel",
                       .prefix = "transformer.",
                       .layers = "h",
                       .layers_key = architecture.layers_key,
                       .token_head = "classifier",
                       .all_modules = true},
                      read_dims(config, architecture));
    text.embedding("word_embeddings");
    const auto position = read_position(text, config);
    for (auto& layer : text.layers()) add(layer, config, architecture, position);
    text.final_norm("ln_f", layer_norm(config.positive("layer_norm_epsilon", 1e-5)));
    text.output_head({.tied = read_tie(config, true)});
    return text.finish();
  }

 private:
  // ALiBi as torch.scaled_dot_product_attention is given it, which is transformers' default: slopes and what they make of
  // positions are bfloat16 numbers, which are then divided by sqrt(head_dim). (FalconAttention's eager code adds it twice,
  // in the mask and by itself, other than the models were trained.)
  static GqaOptions read_position(StackBuilder& text, const ConfigReader& config) {
    if (!config.flag("alibi", false)) return {.rope = text.rotary(read_rope(config, text.dims(), kWholeHeads))};
    return {.alibi = Alibi{.in_bfloat16 = true, .scale = 1 / std::sqrt(static_cast<double>(text.dims().head_dim))}};
  }

  static void add(LayerBuilder& layer, const ConfigReader& config, const Architecture& architecture, GqaOptions options) {
    const auto norm = layer_norm(config.positive("layer_norm_epsilon", 1e-5));
    const bool bias = config.flag("bias", false);
    options.qkv = fused_qkv("query_key_value", FusedRows::by_group);
    options.o = "dense";
    options.bias = options.o_bias = bias;
    const auto attention = gqa(layer, "self_attention", options);
    const auto mlp =
        plain_mlp(layer, "mlp", {config.text("activation", "gelu"), "dense_h_to_4h", "dense_4h_to_h", bias});
    if (!architecture.parallel) {
      layer.stage({.norm = layer.norm("input_layernorm", norm), .op = attention});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm), .op = mlp});
    } else if (architecture.grouped && architecture.norms == 2) {
      layer.stage({{.norm = layer.norm("ln_attn", norm), .op = attention}, {.norm = layer.norm("ln_mlp", norm), .op = mlp}});
    } else {
      const auto both = layer.norm("input_layernorm", norm);
      layer.stage({{.norm = both, .op = attention}, {.norm = both, .op = mlp}});
    }
  }
};

}  // namespace

GARAGE_PLUGIN(FalconDecomposer, {.name = "falcon",
                                 .version = "1.0.0",
                                 .license = "Apache-2.0",
                                 .families = {"falcon"},
                                 .model_types = kNames.model_types});
