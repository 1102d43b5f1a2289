#include "standard_folders.hpp"

#include <cstdlib>

#include "own_library.hpp"

namespace garage {

namespace fs = std::filesystem;

std::vector<StandardFolder> standard_folders() {
  std::vector<StandardFolder> folders;
  const auto* data = ::secure_getenv("XDG_DATA_HOME");
  const auto* home = ::secure_getenv("HOME");
  if (data && *data) folders.push_back({fs::path(data) / "garage/plugins", "XDG_DATA_HOME"});
  else if (home && *home) folders.push_back({fs::path(home) / ".local/share/garage/plugins", "HOME"});
  if (const auto library = own_library(); !library.empty())
    folders.push_back({library.parent_path() / "garage/plugins", "built in"});
  return folders;
}

}  // namespace garage
