#include "found_config.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/allow.hpp>
#include <garage/error.hpp>
#include <garage/path_text.hpp>

#include "../bytes/read_file.hpp"
#include "../bytes/sha256.hpp"
#include "../text/utf8.hpp"
#include "allowed_files.hpp"
#include "config_file.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxLibrary = std::uint64_t{4} << 30;  // bytes; LibTorch's own largest has 1.5 GB
constexpr std::size_t kMostNamed = 3;

// Plugins, and what they bring beside them: libgarage-x.so, garage-nn-x.so, libx.so.1.
std::vector<fs::path> libraries_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    const auto name = entry->path().filename().string();
    if (utf8_size(name) != name.size()) continue;
    if (name.ends_with(".so") || name.find(".so.") != name.npos) files.push_back(entry->path().lexically_normal());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool is_plugin(const fs::path& file) { return file.filename().string().starts_with("libgarage-"); }

bool is_among(const fs::path& folder, const std::vector<PluginFolder>& named) {
  std::error_code code;
  return std::any_of(named.begin(), named.end(),
                     [&](const auto& other) { return fs::equivalent(folder, other.path, code); });
}

// Empty for what cannot be read: nobody allows that.
std::string sha256_or_none(const fs::path& file) {
  try {
    const ReadFile opened(file);
    return opened.size() <= kMaxLibrary ? sha256_of(opened) : std::string();
  } catch (const Error&) { return {}; }
}

fs::path folder_of(const fs::path& config_file) { return fs::canonical(fs::absolute(config_file).parent_path()); }

fs::path allowed_json(const fs::path& own_config) { return own_config.parent_path() / "allowed.json"; }

// What the user allowed of this folder; nothing, with a note, when that cannot be told.
std::map<std::string, std::string> allowed_of(const fs::path& folder, const Environment& environment,
                                              std::vector<std::string>& notes) {
  const auto own = own_config_file(environment);
  if (!own) return {};
  try {
    auto allowed = read_allowed_files(allowed_json(*own));
    return std::move(allowed[path_text(folder)]);
  } catch (const Error& error) {
    notes.push_back(fmt::format("{}; nothing that it allows is opened", error.what()));
    return {};
  }
}

std::string names(const std::vector<std::string>& files) {
  const auto shown = std::min(files.size(), kMostNamed);
  const auto text =
      fmt::format("{}", fmt::join(files.begin(), files.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  return shown == files.size() ? text : fmt::format("{} and {} more", text, files.size() - shown);
}

// Of one folder of plugins: which files may be opened; what may not goes into fresh or changed.
FoundPlugins sort_out(const fs::path& plugins, const fs::path& config_folder,
                      const std::map<std::string, std::string>& allowed, std::vector<std::string>& fresh,
                      std::vector<std::string>& changed) {
  FoundPlugins found{config_folder, {}};
  for (const auto& file : libraries_in(plugins)) {
    const auto known = allowed.find(path_text(file));
    if (known == allowed.end()) {
      if (is_plugin(file)) fresh.push_back(file.filename().string());
    } else if (sha256_or_none(file) == known->second) {
      found.sha256.insert({file.filename().string(), known->second});
    } else {
      changed.push_back(file.filename().string());
    }
  }
  return found;
}

void note_passed_over(Config& config, const fs::path& file, const std::vector<std::string>& fresh,
                      const std::vector<std::string>& changed) {
  if (fresh.empty() && changed.empty()) return;
  std::string what;
  if (!fresh.empty()) what += fmt::format("; you did not allow {}", names(fresh));
  if (!changed.empty()) what += fmt::format("; {} changed since you allowed it", names(changed));
  config.notes.push_back(
      fmt::format("{} was only found, not named, and brings plugins, which would run with your rights"
                  "{}: not opened. If you trust them: {}",
                  fs::absolute(file).string(), what, FoundPlugins{folder_of(file), {}}.command()));
}

void note_keys(Config& config, const fs::path& file, const PluginSettings& said) {
  const PluginSettings usual;
  std::vector<std::string> keys;
  if (!said.allow.empty()) keys.push_back("allow");
  if (said.probe != usual.probe) keys.push_back("probe");
  if (said.time_limit != usual.time_limit) keys.push_back("time_limit");
  if (said.memory_limit != usual.memory_limit) keys.push_back("memory_limit");
  if (!keys.empty())
    config.notes.push_back(
        fmt::format("{} was only found, not named: its plugins.{} is passed over. Name it with "
                    "--config or GARAGE_CONFIG if you trust it",
                    fs::absolute(file).string(), fmt::join(keys, ", plugins.")));
}

}  // namespace

void hold_found_config(Config& config, const fs::path& file, const Config& own, const std::vector<PluginFolder>& named,
                       const Environment& environment) {
  const auto said = std::exchange(config.plugins, own.plugins);
  note_keys(config, file, said);
  config.plugins.pin.insert(said.pin.begin(), said.pin.end());
  config.plugins.disable.insert(said.disable.begin(), said.disable.end());
  if (said.folders.empty()) return;
  const auto folder = folder_of(file);
  const auto allowed = allowed_of(folder, environment, config.notes);
  std::vector<std::string> fresh, changed;
  for (auto brought : said.folders) {
    if (is_among(brought.path, named) || is_among(brought.path, own.plugins.folders)) continue;
    brought.found = sort_out(brought.path, folder, allowed, fresh, changed);
    config.plugins.folders.push_back(std::move(brought));
  }
  note_passed_over(config, file, fresh, changed);
}

std::vector<AllowedFile> allow_found_plugins(const fs::path& folder, const Environment& environment) {
  const auto file = folder / "garage.yaml";
  if (!is_there(file))
    throw Error(Errc::kNotFound,
                fmt::format("{} is not there; what is allowed is the folder of a garage.yaml", file.string()));
  const auto own = own_config_file(environment);
  if (!own) throw Error(Errc::kNotFound, "neither XDG_CONFIG_HOME nor HOME says where to keep what you allow");
  const auto real = fs::canonical(folder);  // as it is when one stands in it
  std::vector<AllowedFile> files;
  for (const auto& brought : read_config(real / "garage.yaml", environment, false).plugins.folders)
    for (const auto& library : libraries_in(brought.path))
      if (auto sha256 = sha256_or_none(library); !sha256.empty()) files.push_back({library, std::move(sha256)});
  if (files.empty())
    throw Error(Errc::kNotFound, fmt::format("{} brings no plugins: its plugins.paths name no folder with a library",
                                             (real / "garage.yaml").string()));
  auto allowed = read_allowed_files(allowed_json(*own));
  auto& of_folder = allowed[path_text(real)];
  of_folder.clear();
  for (const auto& [library, sha256] : files) of_folder[path_text(library)] = sha256;
  write_allowed_files(allowed_json(*own), allowed);
  return files;
}

}  // namespace garage
