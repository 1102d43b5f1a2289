// MPT (transformers: modeling_mpt.py, configuration_mpt.py). The first checkpoints come with code of their own
// (MPTForCausalLM of llm-foundry), whose tensors and keys transformers' class has, too; but it does as if many of those keys
// said what they say in the models of MosaicML. Where one says otherwise the two differ, and it is refused.
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// MptConfig.
StackDims read_dims(const ConfigReader& config) {
  StackDims dims;
  dims.hidden = config.dimension_of({"d_model", "hidden_size"}, 2048);
  dims.layers = config.dimension_of({"n_layers", "num_hidden_layers"}, 24);
  dims.heads = dims.kv_heads = config.dimension_of({"n_heads", "num_attention_heads"}, 16);
  dims.head_dim = split_into_heads(config, dims.hidden, dims.heads);
  dims.intermediate = 4 * dims.hidden;
  dims.vocab = config.dimension("vocab_size", 50368);
  dims.max_positions = config.dimension("max_seq_len", 2048);
  return dims;
}

const FamilyNames kNames = {"mpt", {"mpt"}, {"MptForCausalLM", "MptModel"}, {}};

// MptModel reads none of these keys.
void refuse_what_the_class_passes_over(const ConfigReader& config, const ConfigReader& attention) {
  const auto no = [](const ConfigReader& where, const char* key, const char* what) { where.unsupported(key, what); };
  if (!config.flag("no_bias", true)) no(config, "no_bias", "a model with biases");
  if (config.dimension("expansion_ratio", 4) != 4) no(config, "expansion_ratio", "a feed-forward of another width");
  if (config.has("logit_scale")) no(config, "logit_scale", "a scale of the logits");
  if (const auto norm = config.text("norm_type", "layernorm"); norm != "layernorm" && norm != "low_precision_layernorm")
    no(config, "norm_type", "another norm than a layer norm");
  if (config.has("ffn_config") && config.section("ffn_config").text("ffn_type", "mptmlp") != "mptmlp")
    no(config, "ffn_config", "another feed-forward");
  if (!attention.flag("alibi", true)) no(attention, "alibi", "a model with learned positions");
  if (attention.positive("alibi_bias_max", 8) != 8)
    no(attention, "alibi_bias_max", "another bias than the 8 that transformers' class always has");
  if (attention.text("attn_type", "multihead_attention") != "multihead_attention")
    no(attention, "attn_type", "an attention of fewer keys and values than heads");
  if (attention.flag("qk_ln", false)) no(attention, "qk_ln", "a norm of queries and keys");
  if (attention.flag("prefix_lm", false)) no(attention, "prefix_lm", "a prefix that is seen both ways");
  if (attention.flag("rope", false)) no(attention, "rope", "a rope");
  if (attention.maybe_number("sliding_window_size").value_or(-1) != -1) no(attention, "sliding_window_size", "a window");
}

// MptAttention: `if self.clip_qkv`
std::optional<double> read_clip(const ConfigReader& attention) {
  const auto clip = attention.maybe_number("clip_qkv");
  return clip && *clip != 0 ? std::optional(attention.positive("clip_qkv")) : std::nullopt;
}

class MptDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto attention = config.section("attn_config");
    refuse_what_the_class_passes_over(config, attention);
    const NormStyle norm{.kind = NormKind::layer, .eps = config.positive("layer_norm_epsilon", 1e-5)};
    const auto scale =
        attention.has("softmax_scale") ? std::optional(attention.positive("softmax_scale")) : std::nullopt;
    const auto clip = read_clip(attention);
    StackBuilder text(model,
                      {.family = "mpt",
                       .base_class = "MptModel",
                       .prefix = "transformer.",
                       .layers = "blocks",
                       .layers_key = std::string(config.spelling({"n_layers", "num_hidden_layers"})),
                       .token_head = "classifier",
                       .all_modules = true},
                      read_dims(config));
    text.embedding("wte");
    for (auto& layer : text.layers()) {
      // build_mpt_alibi_tensor's slopes are BLOOM's, written otherwise.
      layer.stage({.norm = layer.norm("norm_1", norm),
                   .op = gqa(layer, "attn",
                             {.qkv = fused_qkv("Wqkv"), .o = "out_proj", .alibi = Alibi{}, .scale = scale, .clip = clip})});
      layer.stage({.norm = layer.norm("norm_2", norm),
                   .op = plain_mlp(layer, "ffn", {"gelu", "up_proj", "down_proj", /*bias=*/false})});
    }
    text.final_norm("norm_f", norm);
    text.output_head({.tied = read_tie(config, true)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(MptDecomposer, {.name = "mpt",
                              .version = "1.0.0",
                              .license = "Apache-2.0",
                              .families = {"mpt"},
                              .model_types = kNames.model_types});
