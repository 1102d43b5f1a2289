// The models of a hub's cache (hub_cache.hpp), as a batch has them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <garage/batch.hpp>

namespace garage {

// One model of a cache: the snapshot that revision names, main by default. Why it is not to be had is its problem
// (hub_snapshot). Nothing when the cache does not have the model. Throws as hub_root.
std::optional<BatchModel> model_in_hub_cache(const std::filesystem::path& cache, std::string_view id,
                                             const std::optional<std::string>& revision = {});

}  // namespace garage
