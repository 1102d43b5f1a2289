// GPT-2 (transformers: modeling_gpt2.py, configuration_gpt2.py).
#include <cmath>

#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// GPT2Config.
constexpr StackDims kDefaults = {.hidden = 768, .layers = 12, .heads = 12, .vocab = 50257, .max_positions = 1024};

bool is_stored_in_out(const Model& model, const std::string& layer) {
  const auto prefix = layer.substr(0, layer.size() - std::string_view("h.0.").size());
  const auto* tokens = model.resolve(prefix + "wte.weight");
  if (!tokens || tokens->shape.size() != 2 || !model.find(prefix + "wpe.weight")) return false;
  const auto& stored = model.find(layer + "attn.c_attn.weight")->shape;
  const auto hidden = tokens->shape[1];
  return stored.size() == 2 && stored[0] == hidden && stored[1] % 3 == 0 && stored[1] / 3 == hidden;
}

// Others use these names of tensors (Qwen-1, GPT-J, Falcon, GPT-BigCode, old Phi); only GPT-2 has learned positions,
// norms with biases, and a c_attn stored [in, out].
const FamilyNames kNames = {"gpt2",
                            {"gpt2"},
                            {"GPT2LMHeadModel", "GPT2Model"},
                            {{{"attn.c_attn.weight", "ln_1.bias", "mlp.c_fc.bias"}, {}, is_stored_in_out, "h"}}};

class Gpt2Decomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    if (config.flag("add_cross_attention", false))
      config.unsupported("add_cross_attention", "GPT-2 as a decoder of another model");
    const auto dims = read_gpt2_dims(config, kDefaults);
    const auto norm = layer_norm(config.positive("layer_norm_epsilon", 1e-5));
    const auto activation = config.text("activation_function", "gelu_new");

    StackBuilder text(model,
                      {.family = "gpt2",
                       .base_class = "GPT2Model",
                       .prefix = "transformer.",
                       .layers = "h",
                       .layers_key = std::string(config.spelling({"n_layer", "num_hidden_layers"})),
                       .token_head = "classifier",
                       .all_modules = true,
                       .conv1d = true},
                      dims);
    text.embedding("wte");
    text.positions("wpe");
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("ln_1", norm),
                   .op = gqa(layer, "attn",
                             {.qkv = fused_qkv("c_attn"),
                              .o = "c_proj",
                              .bias = true,
                              .o_bias = true,
                              .scale = scale(config, dims.head_dim, layer.index())})});
      layer.stage({.norm = layer.norm("ln_2", norm),
                   .op = plain_mlp(layer, "mlp", {.activation = activation, .up = "c_fc", .down = "c_proj"})});
    }
    text.final_norm("ln_f", norm);
    text.output_head({.tied = read_tie(config, true)});
    // GPT2SequenceSummary, of one label there.
    if (architecture_of(model) == "GPT2DoubleHeadsModel" && config.flag("summary_use_proj", true))
      text.head_beside("multiple_choice_head", "multiple_choice_head.summary",
                       config.flag("summary_proj_to_labels", true) ? 1 : dims.hidden, true);
    text.ignore("h.{}.attn.bias", "the causal mask, not a bias");
    text.ignore("h.{}.attn.masked_bias", "the causal mask's constant");
    return text.finish();
  }

 private:
  // GPT2Attention: scores / sqrt(head_dim) if scale_attn_weights, / (layer + 1) if scale_attn_by_inverse_layer_idx.
  static double scale(const ConfigReader& config, std::int64_t head_dim, std::int64_t layer) {
    double scale = config.flag("scale_attn_weights", true) ? 1 / std::sqrt(static_cast<double>(head_dim)) : 1;
    if (config.flag("scale_attn_by_inverse_layer_idx", false)) scale /= static_cast<double>(layer + 1);
    return scale;
  }
};

}  // namespace

GARAGE_PLUGIN(Gpt2Decomposer, {.name = "gpt2",
                               .version = "1.0.0",
                               .license = "Apache-2.0",
                               .families = {"gpt2"},
                               .model_types = kNames.model_types});
