// Which files are plugins: libgarage-<name>.so, directly in one of the folders, first of a name wins.
#pragma once

#include <vector>

#include <garage/plugin_host.hpp>

namespace garage {

// A record for every plugin file seen, in search order; by name within a folder. States are loaded (to be opened),
// shadowed and disabled. A folder that does not exist is passed over; one that cannot be read is refused.
std::vector<PluginRecord> find_plugin_files(const PluginSettings& settings);

}  // namespace garage
