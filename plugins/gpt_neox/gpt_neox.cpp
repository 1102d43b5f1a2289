// GPT-NeoX and Pythia (transformers: modeling_gpt_neox.py, configuration_gpt_neox.py), and GPT-NeoX Japanese
// (modeling_gpt_neox_japanese.py, configuration_gpt_neox_japanese.py), whose class is a copy without biases, but for one
// behind the last attention.
#include <garage/error.hpp>
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// GPTNeoXConfig, GPTNeoXJapaneseConfig.
constexpr StackDims kDefaults = {
    .hidden = 6144, .layers = 44, .heads = 64, .intermediate = 24576, .vocab = 50432, .max_positions = 2048};
constexpr StackDims kJapaneseDefaults = {
    .hidden = 2560, .layers = 32, .heads = 32, .intermediate = 4 * 2560, .vocab = 32000, .max_positions = 2048};

const FamilyNames kNames = {
    "gpt_neox",
    {"gpt_neox", "gpt_neox_japanese"},
    {"GPTNeoXForCausalLM", "GPTNeoXModel", "GPTNeoXJapaneseForCausalLM", "GPTNeoXJapaneseModel"},
    {}};

// There are as many kv heads as heads, whatever the config says.
StackDims read_dims(const ConfigReader& config, bool is_japanese) {
  auto dims = read_stack_dims(config, is_japanese ? kJapaneseDefaults : kDefaults);
  dims.kv_heads = dims.heads;
  if (is_japanese) dims.intermediate = dims.hidden * config.dimension("intermediate_multiple_size", 4);
  return dims;
}

// convert_rope_params_to_dict: beside the rope's own object stand rotary_pct and rotary_emb_base, and no other spelling.
Rope rope_of(const ConfigReader& config, const StackDims& dims, bool is_japanese) {
  const auto share = config.positive("rotary_pct", is_japanese ? 1.0 : 0.25);
  const bool says_share = config.section("rope_scaling").has("partial_rotary_factor") ||
                          config.section("rope_parameters").has("partial_rotary_factor");
  if (!says_share && config.positive("partial_rotary_factor", share) != share)
    config.unsupported("partial_rotary_factor", "a share of the head that is not rotary_pct's");
  const auto rope =
      read_rope(config, dims, {.theta_key = "rotary_emb_base", .partial_rotary_factor = share});
  // GPTNeoXJapaneseRotaryEmbedding's table is as wide as a head, so that a part of one cannot be turned by it.
  if (is_japanese && rope.dims != dims.head_dim)
    throw Error(Errc::kUnsupported, config.path() + ": the rope turns " + std::to_string(rope.dims) + " of " +
                                        std::to_string(dims.head_dim) + " dimensions of a head: the class turns all");
  return rope;
}

class GptNeoxDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const bool is_japanese = is_of(model, "gpt_neox_japanese");
    const auto dims = read_dims(config, is_japanese);
    const auto norm = layer_norm(config.positive("layer_norm_eps", 1e-5));
    StackBuilder text(model,
                      {.family = "gpt_neox",
                       .base_class = is_japanese ? "GPTNeoXJapaneseModel" : "GPTNeoXModel",
                       .prefix = is_japanese ? "gpt_neox_japanese." : "gpt_neox.",
                       .heads = {"embed_out"},
                       .token_head = "classifier",
                       .all_modules = true},
                      dims);
    text.embedding("embed_in");
    const auto rope = text.rotary(rope_of(config, dims, is_japanese));
    for (auto& layer : text.layers()) {
      const Branch attention = {.norm = layer.norm("input_layernorm", norm),
                                .op = is_japanese ? japanese_attention(layer, rope)
                                                  : attention_of(layer, rope, config.flag("attention_bias", true))};
      const Branch mlp = {.norm = layer.norm("post_attention_layernorm", norm),
                          .op = plain_mlp(layer, "mlp",
                                          {config.text("hidden_act", "gelu"), "dense_h_to_4h", "dense_4h_to_h",
                                           /*bias=*/!is_japanese})};
      if (!is_japanese && config.flag("use_parallel_residual", true)) {
        layer.stage({attention, mlp});
      } else {
        layer.stage(attention);
        layer.stage(mlp);
      }
    }
    text.final_norm("final_layer_norm", norm);
    text.output_head({.tied = read_tie(config, is_japanese)});
    text.ignore("layers.{}.attention.bias", "the causal mask");
    text.ignore("layers.{}.attention.masked_bias", "the causal mask's constant");
    return text.finish();
  }

 private:
  // Each head's rows are its q, its k and its v.
  static Part attention_of(LayerBuilder& layer, const Rope& rope, bool bias) {
    return gqa(layer, "attention",
               {.qkv = fused_qkv("query_key_value", FusedRows::by_group),
                .o = "dense",
                .bias = bias,
                .o_bias = bias,
                .rope = rope});
  }

  // GPTNeoXJapaneseLayer adds the last one's bias to what comes out of its attention.
  static Part japanese_attention(LayerBuilder& layer, const Rope& rope) {
    auto made = attention_of(layer, rope, false);
    if (layer.index() == layer.dims().layers - 1)
      std::get<Attention>(*layer.spec_of(made).blueprint).o.bias = layer.tensors().tensor("attention.dense_bias");
    return made;
  }
};

}  // namespace

// An author who follows the SDK's tutorial has a plugin of one's own for these models: of two equal claims that one
// counts.
GARAGE_PLUGIN(GptNeoxDecomposer, {.name = "gpt_neox",
                                  .version = "1.0.0",
                                  .license = "Apache-2.0",
                                  .families = {"gpt_neox"},
                                  .model_types = kNames.model_types,
                                  .priority = 400});
