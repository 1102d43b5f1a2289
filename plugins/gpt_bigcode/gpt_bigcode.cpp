// GPT-BigCode: StarCoder and SantaCoder (transformers: modeling_gpt_bigcode.py, configuration_gpt_bigcode.py).
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// GPTBigCodeConfig.
constexpr StackDims kDefaults = {.hidden = 768, .layers = 12, .heads = 12, .vocab = 50257, .max_positions = 1024};

const FamilyNames kNames = {
    "gpt_bigcode", {"gpt_bigcode"}, {"GPTBigCodeForCausalLM", "GPTBigCodeLMHeadModel", "GPTBigCodeModel"}, {}};

class GptBigCodeDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    if (config.flag("add_cross_attention", false))
      config.unsupported("add_cross_attention", "a decoder that looks at an encoder's output");
    const bool shared_keys = config.flag("multi_query", true);
    auto dims = read_gpt2_dims(config, kDefaults);
    if (shared_keys) dims.kv_heads = 1;
    const auto norm = layer_norm(config.positive("layer_norm_epsilon", 1e-5));
    const auto activation = config.text("activation_function", "gelu_pytorch_tanh");
    const auto scale = config.flag("scale_attn_weights", true) ? std::optional<double>() : 1.0;
    StackBuilder text(model,
                      {.family = "gpt_bigcode",
                       .base_class = "GPTBigCodeModel",
                       .prefix = "transformer.",
                       .layers = "h",
                       .layers_key = std::string(config.spelling({"n_layer", "num_hidden_layers"})),
                       .token_head = "classifier",
                       .all_modules = true},
                      dims);
    text.embedding("wte");
    text.positions("wpe");
    for (auto& layer : text.layers()) {
      // One head of keys and values for all lies behind the queries; else each head's rows are its q, its k and its v.
      layer.stage({.norm = layer.norm("ln_1", norm),
                   .op = gqa(layer, "attn",
                             {.qkv = fused_qkv("c_attn", FusedRows::by_group),
                              .o = "c_proj",
                              .bias = true,
                              .o_bias = true,
                              .scale = scale})});
      layer.stage({.norm = layer.norm("ln_2", norm), .op = plain_mlp(layer, "mlp", {activation, "c_fc", "c_proj"})});
    }
    text.final_norm("ln_f", norm);
    text.output_head({.tied = read_tie(config, true)});
    text.ignore("bias", "the causal mask, not a bias");
    text.ignore("h.{}.attn.bias", "the causal mask, not a bias");
    text.ignore("h.{}.attn.masked_bias", "the causal mask's constant");
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(GptBigCodeDecomposer, {.name = "gpt_bigcode",
                                     .version = "1.0.0",
                                     .license = "Apache-2.0",
                                     .families = {"gpt_bigcode"},
                                     .model_types = kNames.model_types});
