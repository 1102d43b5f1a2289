// A garage.yaml that was only found where the user stands, and all that it includes: a stranger may have written it, so
// that nothing in it may run code, or undo what the user's own config says against plugins.
//
// Of its plugins:
//   paths         bring the files that the user allowed (allow.hpp) and that are as they were then
//   pin, disable  hold, after the user's own: they choose among what the user has
//   allow, probe, time_limit, memory_limit
//                 are passed over: each could let in, or let go on, what the user's own config does not
// The user's own config, which else is not read beside another, says the rest of plugins.
#pragma once

#include <filesystem>
#include <vector>

#include <garage/config.hpp>

namespace garage {

// config: as file says; own: the user's own config, if any; named: the folders of plugins that the user names
// elsewhere, which are the user's choice also where this config names them.
void hold_found_config(Config& config, const std::filesystem::path& file, const Config& own,
                       const std::vector<PluginFolder>& named, const Environment& environment);

}  // namespace garage
