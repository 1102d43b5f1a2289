// What sentence-transformers keeps beside a model: modules.json, which lists what it runs, and a folder for each module
// that follows the model (1_Pooling, 2_Dense), with a config and for some with weights.
#pragma once

#include <filesystem>
#include <vector>

#include "contents.hpp"

namespace garage {

inline constexpr const char* kModulesName = "modules.json";

// Adds, where the folder has such a list: to the config, as "sentence_transformers_modules", each module's type and
// path, and its own config; to the tensors those of its folder, under "<path>.". Which modules there are is nobody's
// concern here. Throws as open_checkpoint.
void add_sentence_modules(const std::filesystem::path& folder, const OpenOptions& options, Contents& contents);

// The files of it that may change, whether they are there or not; none where there is no list that can be read.
std::vector<std::filesystem::path> sentence_files(const std::filesystem::path& folder);

}  // namespace garage
