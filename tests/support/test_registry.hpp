// A registry with our own plugins and a catalog of the test's own, whatever the environment says.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <garage/registry.hpp>

#include "places.hpp"
#include "temporary_folder.hpp"

namespace garage::test {

// Of our plugins, sorted: "bloom", "gemma", ...
inline std::vector<std::string> our_plugin_names() {
  std::vector<std::string> names;
  constexpr std::string_view kBefore = "libgarage-", kAfter = ".so";
  for (const auto& entry : std::filesystem::directory_iterator(plugin_folder()))
    if (const auto file = entry.path().filename().string(); file.starts_with(kBefore))
      names.push_back(file.substr(kBefore.size(), file.size() - kBefore.size() - kAfter.size()));
  std::sort(names.begin(), names.end());
  return names;
}

// Without a process for each: they are ours.
inline PluginSettings our_plugins() {
  PluginSettings settings;
  settings.folders = {{plugin_folder(), "the build"}};
  settings.probe = false;
  return settings;
}

inline Config test_config(const std::filesystem::path& catalog, PluginSettings plugins = our_plugins()) {
  Config config;
  config.catalog = catalog;
  config.plugins = std::move(plugins);
  config.devices.device = "cpu";  // wherever the tests run
  return config;
}

struct TestRegistry {
  TemporaryFolder folder;
  ModelRegistry registry{test_config(folder / "catalog")};

  ModelRegistry* operator->() { return &registry; }
};

}  // namespace garage::test
