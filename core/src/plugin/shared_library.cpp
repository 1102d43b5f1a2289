// The only user of Boost.DLL.
#include <garage/shared_library.hpp>

#include <dlfcn.h>

#define BOOST_DLL_USE_STD_FS
#include <boost/dll/shared_library.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {

void* open_shared_library(const std::filesystem::path& file, const char* symbol) {
  if (const auto fault = shared_library_fault(file)) throw Error(Errc::kIncompatible, *fault);
  // Boost.DLL has no flag for RTLD_NODELETE; mode bits pass through to dlopen.
  const auto mode = static_cast<boost::dll::load_mode::type>(RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  boost::dll::shared_library library;
  try {
    library.load(file, mode);
  } catch (const std::exception& error) {
    throw Error(Errc::kIncompatible, fmt::format("cannot be opened: {}", error.what()));
  }
  return library.has(symbol) ? reinterpret_cast<void*>(&library.get<void()>(symbol)) : nullptr;
}

}  // namespace garage
