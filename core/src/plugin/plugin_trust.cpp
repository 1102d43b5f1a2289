#include "plugin_trust.hpp"

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../bytes/sha256.hpp"
#include "../bytes/trusted_file.hpp"
#include "../text/shell_word.hpp"

namespace garage {
namespace {

[[noreturn]] void refuse(const std::string& why) { throw Error(Errc::kIncompatible, why); }

void require_allowed(const std::string& sha256, const std::string& name, const PluginSettings& settings) {
  const auto allowed = settings.allow.find(name);
  if (allowed == settings.allow.end())
    refuse(fmt::format("the config's plugins.allow does not name it; to allow it: {}: {}", name, sha256));
  if (allowed->second != sha256)
    refuse(fmt::format("its sha256 is {}, the config's plugins.allow says {}", sha256, allowed->second));
}

}  // namespace

bool FoundPlugins::allows(const std::string& file_name, const std::string& file_sha256) const {
  const auto allowed = sha256.find(file_name);
  return allowed != sha256.end() && allowed->second == file_sha256;
}

std::string FoundPlugins::command() const { return "garage plugin allow " + shell_word(config_folder); }

std::string FoundPlugins::remedy() const {
  return "its config was only found, and you did not allow this file as it is; if you trust it: " + command();
}

LibraryFile open_trusted_library(const std::filesystem::path& file, const std::string& name,
                                 const std::optional<FoundPlugins>& found, const PluginSettings& settings) {
  LibraryFile opened(file, open_trusted(file));
  if (settings.allow.empty() && !found) return opened;
  const auto sha256 = sha256_of(opened.opened());
  if (found && !found->allows(file.filename().string(), sha256)) refuse(found->remedy());
  if (!settings.allow.empty()) require_allowed(sha256, name, settings);
  return opened;
}

}  // namespace garage
