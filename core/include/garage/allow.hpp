// Allowing the plugins that a garage.yaml brings which is only found: whoever stands in its folder did not choose them.
//
// What is allowed is kept in the user's own $XDG_CONFIG_HOME/garage/allowed.json, by the folder: the sha256 of every
// library file in the folders that the config's plugins.paths name. Other files, and these once they change, are not
// opened.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include <garage/config.hpp>
#include <garage/export.hpp>

namespace garage {

struct AllowedFile {
  std::filesystem::path file;
  std::string sha256;  // in hex
};
BOOST_DESCRIBE_STRUCT(AllowedFile, (), (file, sha256))

// Allows what folder/garage.yaml brings, as it is now, and nothing that was allowed of this folder before.
// Throws as parse_config; kNotFound: there is no garage.yaml, it brings no plugins, or the user has no folder for
// configs; kIo.
GARAGE_API std::vector<AllowedFile> allow_found_plugins(const std::filesystem::path& folder,
                                                        const Environment& environment = process_environment);

}  // namespace garage
