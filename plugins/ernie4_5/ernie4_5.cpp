// ERNIE 4.5, dense and mixtures (transformers: modeling_ernie4_5.py, modeling_ernie4_5_moe.py and their
// configurations).
#include <functional>

#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

constexpr StackDims kDefaults = {1024, 18, 16, 2, 128, 3072, 103424, 131072};    // Ernie4_5Config
constexpr StackDims kMoeDefaults = {2560, 28, 20, 4, 0, 12288, 103424, 131072};  // Ernie4_5_MoeConfig

const FamilyNames kNames = {"ernie4_5",
                            {"ernie4_5", "ernie4_5_moe"},
                            {"Ernie4_5ForCausalLM", "Ernie4_5Model", "Ernie4_5_MoeForCausalLM", "Ernie4_5_MoeModel"},
                            {}};

// Neighbours turn together, in float32.
Rope read_ernie_rope(const ConfigReader& config, const StackDims& dims) {
  auto rope = read_rope(config, dims, {.theta = 500000, .partial_rotary_factor = {}});
  rope.pairing = RopePairing::interleaved;
  rope.in_float32 = true;
  return rope;
}

// moe_layer_end_index: -1 is the last layer.
std::int64_t read_last_sparse(const ConfigReader& config, std::int64_t layers) {
  constexpr auto kKey = "moe_layer_end_index";
  const auto given = config.maybe_number(kKey).value_or(-1);
  return given == -1 ? layers - 1 : config.count(kKey, 0);
}

// Ernie4_5_MoeDecoderLayer.
std::function<bool(std::int64_t)> read_sparse(const ConfigReader& config, std::int64_t layers) {
  const auto interval = config.dimension("moe_layer_interval", 1), first = config.count("moe_layer_start_index", 1);
  return [interval, first, last = read_last_sparse(config, layers)](std::int64_t layer) {
    return (layer + 1) % interval == 0 && layer >= first && layer <= last;
  };
}

// Ernie4_5_MoeTopKRouter: the sum that weights are divided by is at least so much.
MoeOptions read_mixture(const ConfigReader& config, const std::string& activation) {
  const auto width = config.dimension("moe_intermediate_size", 1536);
  MoeOptions mixture{.activation = activation,
                     .experts = config.dimension_of({"moe_num_experts", "num_experts"}, 64),
                     .top_k = config.dimension_of({"moe_k", "num_experts_per_tok"}, 6),
                     .width = width,
                     .routing = softmax_routing(true),
                     .shared_gate = false,
                     .shared = "shared_experts"};
  if (const auto shared = config.count("moe_num_shared_experts", 2); shared > 0) mixture.shared_width = width * shared;
  mixture.shared_bias = config.flag("use_bias", false);
  mixture.routing.correction = {"moe_statics.e_score_correction_bias", "gate.moe_statics.e_score_correction_bias"};
  mixture.routing.least_sum = config.positive("moe_norm_min", 1e-12);
  mixture.routing.in_float32 = true;
  return mixture;
}

class ErnieDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const bool is_mixture = is_of(model, "ernie4_5_moe");
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, is_mixture ? kMoeDefaults : kDefaults);
    const auto norm = rms(config.positive("rms_norm_eps", 1e-5));
    const auto activation = config.text("hidden_act", "silu");
    const bool bias = config.flag("use_bias", false);
    const auto mixture = is_mixture ? read_mixture(config, activation) : MoeOptions{};
    const auto sparse = is_mixture ? read_sparse(config, dims.layers) : [](std::int64_t) { return false; };
    const char* base_class = is_mixture ? "Ernie4_5_MoeModel" : "Ernie4_5Model";
    StackBuilder text(model, {.family = "ernie4_5", .base_class = base_class, .all_modules = true}, dims);
    text.embedding("embed_tokens");
    const GqaOptions attention{.bias = bias, .o_bias = bias, .rope = text.rotary(read_ernie_rope(config, dims))};
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm), .op = gqa(layer, "self_attn", attention)});
      layer.stage(
          {.norm = layer.norm("post_attention_layernorm", norm),
           .op = sparse(layer.index()) ? moe(layer, "mlp", mixture) : gated_mlp(layer, "mlp", {activation, bias})});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, true), .bias = bias && is_mixture});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(ErnieDecomposer, {.name = "ernie4_5",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .families = {"ernie4_5"},
                                .model_types = kNames.model_types});
