// Whether a file is a shared library for this machine, before dlopen is asked: its own words for a foreign
// architecture are "cannot open shared object file: No such file or directory".
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace garage {

// What is wrong with it: "is built for machine 183 (this one is 62)". Nothing when it may be opened.
std::optional<std::string> elf_fault(const std::filesystem::path& file);

}  // namespace garage
