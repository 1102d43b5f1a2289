// Shared libraries: what is in a file, before it is opened, and opening it for good.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <garage/export.hpp>

namespace garage {

// Why the file cannot be opened in this process: "is built for ELF machine 183, ...". Nothing when it can. dlopen's
// own words for a foreign architecture mislead, and of a file that is cut off it dies.
GARAGE_API std::optional<std::string> shared_library_fault(const std::filesystem::path& file);

// The libraries that it needs, as it names them: "libc10.so.1.13". Requires: no fault. Throws kCorrupt, kIo.
GARAGE_API std::vector<std::string> needed_libraries(const std::filesystem::path& file);

// The functions and variables that it gives to others. Requires: no fault. Throws kCorrupt, kIo.
GARAGE_API std::vector<std::string> exported_symbols(const std::filesystem::path& file);

// Opens it and answers the address of a symbol; null when it has none. It is never closed: threads, destructors and
// other libraries may hold pointers into it. Throws kIncompatible: why, without the file's name.
GARAGE_API void* open_shared_library(const std::filesystem::path& file, const char* symbol);

}  // namespace garage
