// The tokenizer's files of a merge's result.
#pragma once

#include <filesystem>

#include "vocabulary_plan.hpp"

namespace garage {

// Into that folder: the donor's files as they are, or where tokens are added its tokenizer.json and
// tokenizer_config.json with them, and no file that would be read as the donor's older vocabulary.
// Throws kUnsupported (tokens are added to a tokenizer that has no tokenizer.json), kIo.
void write_tokenizer(const VocabularyPlan& plan, const std::filesystem::path& folder);

}  // namespace garage
