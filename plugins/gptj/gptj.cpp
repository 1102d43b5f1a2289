// GPT-J (transformers: modeling_gptj.py, configuration_gptj.py).
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// GPTJConfig.
constexpr StackDims kDefaults = {.hidden = 4096, .layers = 28, .heads = 16, .vocab = 50400, .max_positions = 2048};

const FamilyNames kNames = {"gptj",
                            {"gptj"},
                            {"GPTJForCausalLM", "GPTJModel"},
                            {{{"attn.q_proj.weight", "attn.out_proj.weight", "mlp.fc_in.weight", "ln_1.bias"},
                              {"ln_2.weight", "attn.q_proj.bias"},
                              {},
                              "h"}}};

// GPTJAttention turns the first rotary_dim dimensions of each head, pair by pair; of all of them its own code fails.
Rope read_gptj_rope(const ConfigReader& config, const StackDims& dims) {
  if (config.is_null("rotary_dim")) config.refuse("rotary_dim", "a whole number");
  const auto turned = config.dimension("rotary_dim", 64);
  if (turned > dims.head_dim || turned % 2 != 0)
    config.refuse("rotary_dim", "even, and no more than the head's " + std::to_string(dims.head_dim) + " dimensions");
  return {.theta = 10000, .dims = turned, .pairing = RopePairing::interleaved};
}

class GptjDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_gpt2_dims(config, kDefaults);
    const auto norm = layer_norm(config.positive("layer_norm_epsilon", 1e-5));
    const auto activation = config.text("activation_function", "gelu_new");
    const auto rope = read_gptj_rope(config, dims);
    StackBuilder text(model,
                      {.family = "gptj",
                       .base_class = "GPTJModel",
                       .prefix = "transformer.",
                       .layers = "h",
                       .layers_key = std::string(config.spelling({"n_layer", "num_hidden_layers"})),
                       .all_modules = true},
                      dims);
    text.embedding("wte");
    for (auto& layer : text.layers()) {
      const auto both = layer.norm("ln_1", norm);
      const auto attention = gqa(layer, "attn", {.o = "out_proj", .rope = rope});
      const auto mlp = plain_mlp(layer, "mlp", {activation, "fc_in", "fc_out"});
      layer.stage({{.norm = both, .op = attention}, {.norm = both, .op = mlp}});
    }
    text.final_norm("ln_f", norm);
    text.output_head({.tied = read_tie(config, false), .bias = true});
    text.ignore("h.{}.attn.bias", "the causal mask, not a bias");
    text.ignore("h.{}.attn.masked_bias", "the causal mask's constant");
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(GptjDecomposer, {.name = "gptj",
                               .version = "1.0.0",
                               .license = "Apache-2.0",
                               .families = {"gptj"},
                               .model_types = kNames.model_types});
