// Hugging Face's cache: models--<org>--<name>/snapshots/<revision>, with files that link into ../../blobs;
// refs/<branch> holds the revision that a branch is at.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <garage/batch.hpp>

namespace garage {

// HF_HUB_CACHE, $HF_HOME/hub, or ~/.cache/huggingface/hub: as huggingface_hub has it.
std::filesystem::path hub_cache_folder(const Environment& environment);

// One model of a cache: the snapshot that revision (a branch, a tag or a commit; main by default) names. One that is
// not there, is itself a link out of the cache or has such a link is told by its problem. Nothing when the cache does
// not have the model.
std::optional<BatchModel> model_in_hub_cache(const std::filesystem::path& cache, std::string_view id,
                                             const std::optional<std::string>& revision = {});

}  // namespace garage
