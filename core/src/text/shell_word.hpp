#pragma once

#include <filesystem>
#include <string>

namespace garage {

// A path as one word of a command that a person copies into a shell: a stranger may have chosen its name.
std::string shell_word(const std::filesystem::path& path);

}  // namespace garage
