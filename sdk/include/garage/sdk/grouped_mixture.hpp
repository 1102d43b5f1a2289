// DeepSeek 3's mixture of experts as its config spells it, and those of the classes that it was copied into (GLM-4 MoE,
// dots1, Solar Open): sigmoids, a correction that counts for the choice alone, experts in groups.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <garage/sdk/config_reader.hpp>
#include <garage/sdk/moe.hpp>

namespace garage::sdk {

// What a family's config class says where the config says nothing. 0: the key must be there.
struct GroupedMixtureDefaults {
  std::int64_t experts = 0;  // n_routed_experts, num_local_experts
  std::int64_t top_k = 0;    // num_experts_per_tok
  std::int64_t width = 0;    // moe_intermediate_size
  std::int64_t shared = 0;   // n_shared_experts: the shared expert is as wide as so many
  std::int64_t groups = 1;   // n_group
  std::int64_t kept = 1;     // topk_group
  double scale = 1;          // routed_scaling_factor
  bool renormalise = true;   // norm_topk_prob
};

// The mixture, whose experts have that activation. Throws kCorrupt where groups and experts do not fit each other.
MoeOptions read_grouped_mixture(const ConfigReader& config, const GroupedMixtureDefaults& defaults,
                                const std::string& activation);

// Groups of which each is as good as the sum of its best experts. Throws kCorrupt unless they divide the experts, and
// those that are kept have top_k of them. defaults: as above, 0 of a key that must be there.
RouterGroups read_router_groups(const ConfigReader& config, RouterGroups defaults, std::int64_t experts,
                                std::int64_t top_k);

// Which layers' feed-forward is the mixture: all from first on.
std::vector<bool> sparse_from(std::int64_t first, std::int64_t layers);

// The same by the config's mlp_layer_types, "dense" or "sparse"; without them all from first on. Throws kCorrupt unless
// there are as many as layers, kUnsupported for another word.
std::vector<bool> read_sparse_list(const ConfigReader& config, std::int64_t layers, std::int64_t first);

}  // namespace garage::sdk
