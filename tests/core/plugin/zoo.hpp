// Copies of fake plugins, for tests that change them.
#pragma once

#include <stdexcept>

#include <garage/plugin_host.hpp>

#include "temporary_folder.hpp"

namespace garage::test {

inline std::filesystem::path fake_file(const std::string& name) {
  return std::filesystem::path(GARAGE_TEST_FAKES) / name / ("libgarage-" + name + ".so");
}

// A folder of copies of fakes, and a file of verdicts.
struct Zoo {
  TemporaryFolder folder;
  std::filesystem::path plugins;

  explicit Zoo(std::initializer_list<const char*> names, const char* below = "plugins") : plugins(folder / below) {
    std::filesystem::create_directories(plugins);
    for (const auto* name : names) std::filesystem::copy_file(fake_file(name), plugins / fake_file(name).filename());
  }
  PluginSettings settings() const {
    PluginSettings made;
    made.folders = {{plugins, "test"}};
    made.verdicts = folder / "cache/plugins.json";
    return made;
  }
};

inline PluginRecord record_of(const PluginSettings& settings, const std::string& name) {
  const PluginHost host(settings);
  for (const auto& record : host.plugins())
    if (record.name == name) return record;
  throw std::runtime_error("no record of " + name);
}

}  // namespace garage::test
