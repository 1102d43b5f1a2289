#include "plugin_search.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "../process/standard_folders.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "libgarage-", kSuffix = ".so";

// Empty for files that are no plugins.
std::string plugin_name(const fs::path& file) {
  const auto name = file.filename().string();
  if (name.size() <= kPrefix.size() + kSuffix.size() || !name.starts_with(kPrefix) || !name.ends_with(kSuffix))
    return {};
  return name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
}

std::vector<PluginRecord> files_in(const PluginFolder& folder) {
  std::vector<PluginRecord> records;
  std::error_code code;
  const auto path = fs::absolute(folder.path).lexically_normal();
  for (const auto& entry : fs::directory_iterator(path, code))
    if (auto name = plugin_name(entry.path()); !name.empty())
      records.push_back(
          {std::move(name), entry.path().string(), folder.origin, PluginState::loaded, {}, {}, folder.found});
  if (code && code != std::errc::no_such_file_or_directory)
    records.push_back(
        {"", path.string(), folder.origin, PluginState::refused, "cannot be searched: " + code.message(), {}, {}});
  std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return records;
}

// Nobody's choice: it must not stand before a file of its name that is somebody's.
bool is_passed_over(const PluginRecord& record) {
  return record.found && !record.found->sha256.contains(record.path.filename().string());
}

}  // namespace

std::vector<PluginRecord> find_plugin_files(const PluginSettings& settings) {
  std::vector<PluginRecord> found;
  std::map<std::string, std::string> first;  // name to path
  for (const auto& folder : settings.folders) {
    for (auto& record : files_in(folder)) {
      if (record.state == PluginState::loaded && is_passed_over(record)) {
        record.state = PluginState::refused;
        record.reason = record.found->remedy();
      }
      if (record.state == PluginState::loaded) {
        const auto [winner, fresh] = first.emplace(record.name, record.path);
        if (!fresh && winner->second == record.path) continue;  // a folder named twice
        if (!fresh) {
          record.state = PluginState::shadowed;
          record.reason = fmt::format("{} comes first", winner->second);
        } else if (settings.disable.contains(record.name)) {
          record.state = PluginState::disabled;
          record.reason = "the config's plugins.disable names it";
        } else if (const auto why = settings.set_aside.find(record.name); why != settings.set_aside.end()) {
          record.state = PluginState::quarantined;
          record.reason = fmt::format("it {}", why->second);
        }
      }
      found.push_back(std::move(record));
    }
  }
  return found;
}

std::vector<PluginFolder> standard_plugin_folders() {
  std::vector<PluginFolder> folders;
  for (auto& [path, origin] : standard_folders()) folders.push_back({std::move(path), std::move(origin)});
  return folders;
}

}  // namespace garage
