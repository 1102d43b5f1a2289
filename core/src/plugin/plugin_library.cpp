#include "plugin_library.hpp"

#include <dlfcn.h>

#define BOOST_DLL_USE_STD_FS
#include <boost/dll/shared_library.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>

#include "elf_header.hpp"

namespace garage {
namespace {

constexpr const char* kEntry = "garage_plugin_v1";

// Boost.DLL has no flag for RTLD_NODELETE; mode bits pass through to dlopen.
boost::dll::shared_library open_for_good(const std::filesystem::path& file) {
  const auto mode = static_cast<boost::dll::load_mode::type>(RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  std::error_code code;
  boost::dll::shared_library library;
  try {
    library.load(file, mode);
  } catch (const std::exception& error) {
    throw Error(Errc::kIncompatible, fmt::format("cannot be opened: {}", error.what()));
  }
  return library;
}

}  // namespace

PluginLibrary open_plugin(const std::filesystem::path& file, const std::string& name) {
  if (const auto fault = elf_fault(file)) throw Error(Errc::kIncompatible, *fault);
  auto library = open_for_good(file);
  if (!library.has(kEntry))
    throw Error(Errc::kIncompatible, fmt::format("exports no {}: it is no garage plugin", kEntry));
  const auto* table = library.get<decltype(garage_plugin_v1)>(kEntry)();
  check_plugin_table(table);
  auto info = read_plugin_info(table);
  if (info.name != name)
    throw Error(Errc::kIncompatible, fmt::format("calls itself '{}', its file '{}'; name the file libgarage-{}.so",
                                                 info.name, name, info.name));
  return {std::move(info), std::make_shared<PluginDecomposer>(name, table)};
}

}  // namespace garage
