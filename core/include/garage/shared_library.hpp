// Shared libraries: what is in a file, before it is opened, and opening it for good.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <garage/export.hpp>

namespace garage {

class ReadFile;

// One library's file, open for reading. All that is asked of it is asked of this very file, whatever its name stands
// for by then.
//
// Lifetime  Copies share the open file.
// Threads   All members may be called from several threads at once.
class GARAGE_API LibraryFile {
 public:
  // Implicit: whoever has a path may ask of it. Throws kNotFound, kIo: it is not there, or no regular file.
  LibraryFile(std::filesystem::path path);
  LibraryFile(std::filesystem::path path, std::shared_ptr<const ReadFile> opened);

  const std::filesystem::path& path() const noexcept { return path_; }
  const ReadFile& opened() const noexcept { return *opened_; }

 private:
  std::filesystem::path path_;
  std::shared_ptr<const ReadFile> opened_;
};

// Why the file cannot be opened in this process: "is built for ELF machine 183, ...". Nothing when it can. dlopen's
// own words for a foreign architecture mislead, and of a file that is cut off it dies.
GARAGE_API std::optional<std::string> shared_library_fault(const LibraryFile& file);

// The libraries that it needs, as it names them: "libc10.so.1.13". Requires: no fault. Throws kCorrupt, kIo.
GARAGE_API std::vector<std::string> needed_libraries(const LibraryFile& file);

// The functions and variables that it gives to others. Requires: no fault. Throws kCorrupt, kIo.
GARAGE_API std::vector<std::string> exported_symbols(const LibraryFile& file);

// Opens it and answers the address of a symbol; null when it has none. It is never closed: threads, destructors and
// other libraries may hold pointers into it. What it needs is searched by its own run path, in which $ORIGIN is no
// folder: nothing beside the file is opened. Throws kIncompatible: why, without the file's name.
GARAGE_API void* open_shared_library(const LibraryFile& file, const char* symbol);

}  // namespace garage
