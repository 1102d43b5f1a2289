#include "plugin_library.hpp"

#include <fmt/format.h>

#include <garage/error.hpp>

#include "plugin_call.hpp"
#include "surroundings.hpp"

namespace garage {
namespace {

constexpr const char* kEntry = "garage_plugin_v1";

}  // namespace

PluginLibrary open_plugin(const LibraryFile& file, const std::string& name) {
  const PluginCallMark mark(name, "open");
  const Surroundings surroundings;
  auto* entry = open_shared_library(file, kEntry);
  if (!entry) throw Error(Errc::kIncompatible, fmt::format("exports no {}: it is no garage plugin", kEntry));
  const auto* table = reinterpret_cast<decltype(&garage_plugin_v1)>(entry)();
  check_plugin_table(table);
  auto info = read_plugin_info(table);
  if (info.name != name)
    throw Error(Errc::kIncompatible, fmt::format("calls itself '{}', its file '{}'; name the file libgarage-{}.so",
                                                 info.name, name, info.name));
  return {std::move(info), std::make_shared<PluginDecomposer>(name, table)};
}

}  // namespace garage
