// Hugging Face's cache: models--<org>--<name>/snapshots/<revision>, with files that link into ../../blobs;
// refs/<branch> holds the revision that a branch is at.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace garage {

// HF_HUB_CACHE, $HF_HOME/hub, or ~/.cache/huggingface/hub: as huggingface_hub has it.
std::filesystem::path hub_cache_folder(
    const std::function<std::optional<std::string>(const char* name)>& environment);

// Whether a folder of a cache bears a model's name.
bool is_hub_model(const std::filesystem::path& folder);

// "org/name", of such a folder.
std::string hub_id(const std::filesystem::path& model);

// The folder of a model. Nothing when the cache does not have it.
std::optional<std::filesystem::path> hub_model(const std::filesystem::path& cache, std::string_view id);

// The cache as its links lead. Throws kNotFound, kIo.
std::filesystem::path hub_root(const std::filesystem::path& cache);

// The snapshot that revision (a branch, a tag or a commit) names, of a model in the cache of that root.
// Throws kNotFound when it is not there, is itself a link out of the cache or has such a link; kIo.
std::filesystem::path hub_snapshot(const std::filesystem::path& model, const std::filesystem::path& root,
                                   const std::string& revision);

}  // namespace garage
