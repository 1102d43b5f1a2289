// The only user of Boost.DLL.
//
// The loader is handed the open file by its name in /proc: by any other name it could be another file by then. Two
// things follow from how glibc keeps that name:
//   - it takes a name that it has seen for the library that it was, and numbers of descriptors come again. So every
//     library gets a spelling of its own,
//   - debuggers, backtraces and dladdr show it. So the file's own name is put in its place.
#include <garage/shared_library.hpp>

#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include <dlfcn.h>
#include <link.h>

#define BOOST_DLL_USE_STD_FS
#include <boost/dll/shared_library.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/file_stamp.hpp>

#include "../bytes/read_file.hpp"

namespace garage {
namespace {

using Library = boost::dll::shared_library;

void show_as(const Library& library, const std::filesystem::path& file) {
  link_map* map = nullptr;
  // Never freed: the library is never closed. Where somebody else has opened the file before, it has its name.
  if (::dlinfo(library.native(), RTLD_DI_LINKMAP, &map) == 0 &&
      std::string_view(map->l_name).starts_with("/proc/self/fd/"))
    map->l_name = ::strdup(file.c_str());
}

// The libraries of this process, by device and inode, which are no other file's while they are mapped.
class OpenLibraries {
 public:
  using Key = std::pair<std::uint64_t, std::uint64_t>;

  const Library* find(const Key& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = libraries_.find(key);
    return found == libraries_.end() ? nullptr : &found->second;
  }
  // Of several threads that loaded the same file the first keeps and names it.
  const Library* keep(const Key& key, Library library, const std::filesystem::path& file) {
    const std::lock_guard lock(mutex_);
    const auto [kept, is_new] = libraries_.emplace(key, std::move(library));
    if (is_new) show_as(kept->second, file);
    return &kept->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<Key, Library> libraries_;
};

OpenLibraries& open_libraries() {
  static auto& never_closed = *new OpenLibraries;
  return never_closed;
}

// "/proc/self/fd//././7": after fd a slash for every 0 and /. for every 1 of a number that no other library has.
std::string unique_name(int descriptor) {
  static std::atomic<std::uint64_t> count{0};
  std::string name = "/proc/self/fd";
  for (auto rest = ++count; rest > 0; rest >>= 1) name += rest & 1 ? "/." : "/";
  return fmt::format("{}/{}", name, descriptor);
}

std::string with_own_name(std::string text, const std::string& name, const std::filesystem::path& file) {
  if (const auto at = text.find(name); at != text.npos) text.replace(at, name.size(), file.string());
  return text;
}

Library load(const LibraryFile& file) {
  if (const auto fault = shared_library_fault(file)) throw Error(Errc::kIncompatible, *fault);
  // Boost.DLL has no flag for RTLD_NODELETE; mode bits pass through to dlopen.
  const auto mode = static_cast<boost::dll::load_mode::type>(RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  const auto name = unique_name(file.opened().descriptor());
  Library library;
  try {
    library.load(name, mode);
  } catch (const std::exception& error) {
    throw Error(Errc::kIncompatible,
                fmt::format("cannot be opened: {}", with_own_name(error.what(), name, file.path())));
  }
  return library;
}

}  // namespace

void* open_shared_library(const LibraryFile& file, const char* symbol) {
  const auto stamp = stamp_of(file.opened().descriptor());
  if (!stamp) throw Error(Errc::kIncompatible, "cannot be looked at");
  const OpenLibraries::Key key{stamp->device, stamp->inode};
  const auto* library = open_libraries().find(key);
  if (!library) library = open_libraries().keep(key, load(file), file.path());
  return library->has(symbol) ? reinterpret_cast<void*>(&library->get<void()>(symbol)) : nullptr;
}

}  // namespace garage
