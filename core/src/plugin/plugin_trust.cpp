#include "plugin_trust.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <sha256.h>

namespace garage {
namespace {

namespace fs = std::filesystem;

bool is_somebody_elses(const struct stat& status) { return status.st_uid != 0 && status.st_uid != ::geteuid(); }

// A group of the user's own, as Debian makes one for every user, is not others.
bool others_may_write(const struct stat& status) {
  return (status.st_mode & S_IWOTH) || ((status.st_mode & S_IWGRP) && status.st_gid != ::getegid());
}

std::optional<std::string> distrust_modes(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return std::nullopt;  // opening it will tell why
  if (others_may_write(status))
    return fmt::format("others may write to it (mode {:o}), and it would run with your rights: chmod go-w {}",
                       status.st_mode & 07777, file.string());
  struct stat folder {};
  const auto parent = file.parent_path();
  if (::stat(parent.c_str(), &folder) != 0 || !others_may_write(folder)) return std::nullopt;
  // In a sticky folder, as /tmp, others may add files and not replace ours.
  if ((folder.st_mode & S_ISVTX) && !is_somebody_elses(status)) return std::nullopt;
  return fmt::format("others may write to its folder (mode {:o}), and it would run with your rights: chmod go-w {}",
                     folder.st_mode & 07777, parent.string());
}

std::string sha256_of(const fs::path& file) {
  char text[SHA256_DIGEST_STRING_LENGTH];
  return ::SHA256File(file.c_str(), text) ? text : "";
}

}  // namespace

std::optional<std::string> distrust(const fs::path& file, const std::string& name, const PluginSettings& settings) {
  if (auto why = distrust_modes(file)) return why;
  if (settings.allow.empty()) return std::nullopt;
  const auto allowed = settings.allow.find(name);
  const auto found = sha256_of(file);
  if (allowed == settings.allow.end())
    return fmt::format("the config's plugins.allow does not name it; to allow it: {}: {}", name, found);
  if (allowed->second != found)
    return fmt::format("its sha256 is {}, the config's plugins.allow says {}", found, allowed->second);
  return std::nullopt;
}

}  // namespace garage
