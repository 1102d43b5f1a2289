// HunYuan 1, dense and mixtures (transformers: modeling_hunyuan_v1_dense.py, modeling_hunyuan_v1_moe.py and their
// configurations); Hy3 in hy3.cpp.
#include <cmath>

#include <fmt/format.h>

#include <garage/sdk/family.hpp>

#include "hy3.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// HunYuanDenseV1Config and HunYuanMoEV1Config.
constexpr StackDims kDefaults = {4096, 32, 32, 0, 0, 11008, 290943, 2048};

constexpr const char *kDense = "HunYuanDenseV1Model", *kMixture = "HunYuanMoEV1Model", *kHy3 = "HYV3Model";

const FamilyNames kNames = {
    "hunyuan",
    {"hunyuan_v1_dense", "hunyuan_v1_moe", "hy_v3"},
    {"HunYuanDenseV1ForCausalLM", kDense, "HunYuanMoEV1ForCausalLM", kMixture, "HYV3ForCausalLM", kHy3},
    {}};

// In the names of classes the words of model_type stand in another order.
bool is_variant(const Model& model, std::string_view model_type, std::string_view base_class) {
  if (const auto type = model_type_of(model); !type.empty()) return type == model_type;
  return read_model_class(architecture_of(model)).is_beside(base_class);
}

struct HunYuanRope {
  Rope rope;
  bool has_alpha = false;
};

// HunYuanDenseV1RotaryEmbedding: with an alpha, "dynamic" is a rope of a larger theta, theta * alpha^(D / (D - 2)),
// whatever its factor says.
HunYuanRope read_hunyuan_rope(const ConfigReader& config, const StackDims& dims) {
  const auto scaling = config.maybe_object("rope_scaling");
  const auto given = scaling && !scaling->members().empty() ? *scaling : config.section("rope_parameters");
  const auto alpha = given.maybe_number("alpha").value_or(0);
  if (alpha == 0 || given.text(given.spelling({"rope_type", "type"}), "default") != "dynamic")
    return {read_rope(config, dims, kWholeHeads)};
  if (!(alpha > 0)) given.refuse("alpha", "a number above 0");
  if (dims.head_dim < 4) config.refuse("head_dim", "at least 4: theta grows by a power of head_dim / (head_dim - 2)");
  auto members = config.members(), plain = given.members();
  plain["rope_type"] = "default";
  members.erase("rope_scaling");
  members["rope_parameters"] = plain;
  auto rope = read_rope(ConfigReader(members, config.path()), dims, kWholeHeads);
  const auto size = static_cast<double>(dims.head_dim);
  rope.theta *= std::pow(alpha, size / (size - 2));
  return {rope, true};
}

// How many experts a token visits in each layer: moe_topk may be a list.
std::vector<std::int64_t> read_top_k(const ConfigReader& config, std::int64_t layers) {
  const auto* given = config.members().if_contains("moe_topk");
  if (!given || !given->is_array())
    return std::vector<std::int64_t>(static_cast<std::size_t>(layers),
                                     config.dimension_of({"moe_topk", "num_experts_per_tok"}, 1));
  auto list = config.indices("moe_topk");
  if (static_cast<std::int64_t>(list.size()) != layers)
    config.refuse("moe_topk", fmt::format("a number, or one for each of {} layers", layers));
  for (const auto top_k : list)
    if (top_k < 1) config.refuse("moe_topk", "numbers above 0");
  return list;
}

MoeOptions read_mixture(const ConfigReader& config, const StackDims& dims, const std::string& activation) {
  return {.activation = activation,
          .experts = config.dimension_of({"num_experts", "num_local_experts"}, 1),
          .width = dims.intermediate,
          .routing = softmax_routing(true),
          .shared_width = dims.intermediate,
          .shared_gate = false,
          .router_projection = "wg",
          .shared = "shared_mlp"};
}

class HunYuanDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    if (is_variant(model, "hy_v3", kHy3)) return decompose_hy3(model);
    const bool is_mixture = is_variant(model, "hunyuan_v1_moe", kMixture);
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms(config.positive("rms_norm_eps", 1e-5));
    const auto activation = config.text("hidden_act", "silu");
    const auto [rope, has_alpha] = read_hunyuan_rope(config, dims);
    auto mixture = is_mixture ? read_mixture(config, dims, activation) : MoeOptions{};
    StackBuilder text(model, names_of(is_mixture ? kMixture : kDense), dims);
    const auto top_k = is_mixture ? read_top_k(config, dims.layers) : std::vector<std::int64_t>{};
    text.embedding("embed_tokens");
    text.rotary(rope);
    const auto attention = attention_of(config, norm, rope);
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm), .op = gqa(layer, "self_attn", attention)});
      if (is_mixture) mixture.top_k = top_k[static_cast<std::size_t>(layer.index())];
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                   .op = is_mixture ? moe(layer, "mlp", mixture) : gated_mlp(layer, "mlp", {activation})});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    auto spec = text.finish();
    if (has_alpha) spec.extra_info["rope_alpha"] = long_note(dims);
    return spec;
  }

 private:
  static StackNames names_of(const char* base_class) {
    return {.family = "hunyuan", .base_class = base_class, .all_modules = true};
  }

  static GqaOptions attention_of(const ConfigReader& config, const NormStyle& norm, const Rope& rope) {
    const bool bias = config.flag("attention_bias", false);
    return {.bias = bias,
            .o_bias = bias,
            .qk_norm = QkNorm{.style = norm, .q = "query_layernorm", .k = "key_layernorm", .after_position = true},
            .rope = rope};
  }

  // dynamic_rope_update then makes the table anew, by theta and factor alone.
  static std::string long_note(const StackDims& dims) {
    return fmt::format(
        "the rope has an alpha: of sequences longer than {} positions (max_position_embeddings) transformers "
        "computes another rope, without it",
        dims.max_positions);
  }
};

}  // namespace

GARAGE_PLUGIN(HunYuanDecomposer, {.name = "hunyuan",
                                  .version = "1.0.0",
                                  .license = "Apache-2.0",
                                  .families = {"hunyuan"},
                                  .model_types = kNames.model_types});
