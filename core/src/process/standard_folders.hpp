// Where plugins, and what belongs to them, lie by themselves.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace garage {

struct StandardFolder {
  std::filesystem::path path;
  std::string origin;  // who named it: "XDG_DATA_HOME", "HOME", "built in"
};

// `$XDG_DATA_HOME/garage/plugins` and `<libdir>/garage/plugins` beside the core, in the order in which they are searched.
std::vector<StandardFolder> standard_folders();

}  // namespace garage
