// Hugging Face's cache: models--<org>--<name>/snapshots/<revision>, with files that link into ../../blobs;
// refs/<branch> holds the revision that a branch is at.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <garage/batch.hpp>

namespace garage {

// HF_HUB_CACHE, $HF_HOME/hub, or ~/.cache/huggingface/hub: as huggingface_hub has it.
std::filesystem::path hub_cache_folder(const Environment& environment);

// The models of a cache, by id; of each the snapshot that revision (a branch, a tag or a commit; main by default)
// names. One that is not there, or has a link that leads out of the cache, is told by its problem. Throws kNotFound,
// kIo.
std::vector<BatchModel> models_in_hub_cache(const std::filesystem::path& cache,
                                            const std::optional<std::string>& revision = {});

// The same of one model; nothing when the cache does not have it.
std::optional<BatchModel> model_in_hub_cache(const std::filesystem::path& cache, const std::string& id,
                                             const std::optional<std::string>& revision = {});

}  // namespace garage
