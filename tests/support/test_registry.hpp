// A registry with our own plugins and a catalog of the test's own, whatever the environment says.
#pragma once

#include <garage/registry.hpp>

#include "places.hpp"
#include "temporary_folder.hpp"

namespace garage::test {

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
