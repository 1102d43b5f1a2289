// Where this library lies, and the programs that are installed with it.
#pragma once

#include <filesystem>
#include <string_view>

namespace garage {

// Of libgarage.so; empty when the system does not tell.
std::filesystem::path own_library();

// <libdir>/garage/NAME. Empty where an application brings the core alone.
std::filesystem::path own_program(std::string_view name);

}  // namespace garage
