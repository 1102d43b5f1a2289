#include <garage/sdk/grouped_mixture.hpp>

#include <fmt/format.h>

#include <garage/sdk/layer_types.hpp>

namespace garage::sdk {
namespace {

std::int64_t size(const ConfigReader& config, std::string_view key, std::int64_t otherwise) {
  return otherwise > 0 ? config.dimension(key, otherwise) : config.dimension(key);
}

std::int64_t expert_count(const ConfigReader& config, std::int64_t otherwise) {
  if (otherwise == 0 && !config.has("num_local_experts")) return config.dimension("n_routed_experts");
  return config.dimension_of({"n_routed_experts", "num_local_experts"}, otherwise);
}

}  // namespace

RouterGroups read_router_groups(const ConfigReader& config, RouterGroups defaults, std::int64_t experts,
                                std::int64_t top_k) {
  auto groups = defaults;
  groups.count = size(config, "n_group", defaults.count);
  groups.kept = size(config, "topk_group", defaults.kept);
  const auto each = experts / groups.count;
  if (experts % groups.count != 0 || each < groups.best)
    config.refuse("n_group", fmt::format("such that {} experts make groups of at least {}", experts, groups.best));
  if (groups.kept > groups.count) config.refuse("topk_group", fmt::format("at most n_group, {}", groups.count));
  if (groups.count > 1 && top_k > groups.kept * each)
    config.refuse("num_experts_per_tok", fmt::format("at most the {} of topk_group groups", groups.kept * each));
  return groups;
}

// DeepseekV3MoE.route_tokens_to_experts: groups are measured by their best two.
MoeOptions read_grouped_mixture(const ConfigReader& config, const GroupedMixtureDefaults& defaults,
                                const std::string& activation) {
  const auto width = size(config, "moe_intermediate_size", defaults.width);
  MoeOptions mixture{.activation = activation,
                     .experts = expert_count(config, defaults.experts),
                     .top_k = size(config, "num_experts_per_tok", defaults.top_k),
                     .width = width,
                     .shared_width = width * size(config, "n_shared_experts", defaults.shared),
                     .shared_gate = false,
                     .shared = "shared_experts"};
  auto& routing = mixture.routing;
  routing = {.scoring = Scoring::sigmoid, .renormalise = config.flag("norm_topk_prob", defaults.renormalise)};
  routing.correction = {"gate.e_score_correction_bias"};
  routing.in_float32 = true;
  if (routing.renormalise) routing.sum_epsilon = 1e-20;
  const auto groups = read_router_groups(config, {.count = defaults.groups, .kept = defaults.kept, .best = 2},
                                         mixture.experts, mixture.top_k);
  if (groups.count > 1) routing.groups = groups;
  if (const auto scale = config.positive("routed_scaling_factor", defaults.scale); scale != 1) routing.scale = scale;
  return mixture;
}

std::vector<bool> sparse_from(std::int64_t first, std::int64_t layers) {
  std::vector<bool> sparse;
  for (std::int64_t i = 0; i < layers; ++i) sparse.push_back(i >= first);
  return sparse;
}

std::vector<bool> read_sparse_list(const ConfigReader& config, std::int64_t layers, std::int64_t first) {
  if (!config.has("mlp_layer_types")) return sparse_from(first, layers);
  std::vector<bool> sparse;
  for (const auto& type : read_layer_types(config, layers, {"dense", "sparse"}, "mlp_layer_types"))
    sparse.push_back(type == "sparse");
  return sparse;
}

}  // namespace garage::sdk
