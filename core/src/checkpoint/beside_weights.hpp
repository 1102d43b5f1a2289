// What stands beside a checkpoint's weights and config and belongs to it: its tokenizer's files, and others that a copy
// of the model keeps.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

namespace garage {

// "tokenizer.json", "vocab.txt", "spiece.model", "chat_template.jinja", ...
bool is_tokenizer_name(std::string_view file);

// A tokenizer's files, and what says how a model generates, how its inputs are prepared, and its licence.
bool goes_along(std::string_view file);

// Copies the regular files of those names, over files that are there. Throws kIo.
void copy_beside(const std::filesystem::path& from, const std::filesystem::path& to,
                 const std::function<bool(std::string_view file)>& which);

}  // namespace garage
