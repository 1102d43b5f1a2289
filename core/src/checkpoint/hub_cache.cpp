#include "hub_cache.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/path_text.hpp>

#include "../bytes/read_file.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "models--";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n"), last = text.find_last_not_of(" \t\r\n");
  return first == text.npos ? "" : text.substr(first, last - first + 1);
}

// A name that stays in its folder.
bool is_plain(const std::string& name) {
  const fs::path path(name);
  return !name.empty() && name.find('\0') == name.npos && path.is_relative() &&
         std::find(path.begin(), path.end(), "..") == path.end();
}

[[noreturn]] void fail(const fs::path& path, const std::string& fault) {
  throw Error(Errc::kNotFound, fmt::format("{}: {}", path_text(path), fault));
}

// Where a path leads, also by a link to what is not there.
fs::path target_of(const fs::path& path) {
  return fs::weakly_canonical(fs::is_symlink(path) ? path.parent_path() / fs::read_symlink(path) : path);
}

void require_in_cache(const fs::path& path, const fs::path& root) {
  const auto target = target_of(path);
  const auto [in_root, in_target] = std::mismatch(root.begin(), root.end(), target.begin(), target.end());
  if (in_root != root.end()) fail(path, fmt::format("leads out of the cache, to {}", path_text(target)));
}

fs::path snapshot_in(const fs::path& model, const fs::path& root, const std::string& revision) {
  if (!is_plain(revision)) fail(model, fmt::format("'{}' is no revision", revision));
  auto commit = revision;
  if (const auto ref = model / "refs" / revision; is_there(ref)) commit = trimmed(read_text_file(ref, 4096));
  const auto folder = model / "snapshots" / commit;
  if (is_plain(commit)) require_in_cache(folder, root);
  if (!is_plain(commit) || !is_there(folder)) fail(model, fmt::format("revision '{}' is not in the cache", revision));
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_symlink()) require_in_cache(entry.path(), root);
  return folder;
}

}  // namespace

fs::path hub_cache_folder(const std::function<std::optional<std::string>(const char* name)>& environment) {
  const auto set = [&](const char* name) {
    auto value = environment(name);
    return value && !value->empty() ? value : std::nullopt;
  };
  if (const auto cache = set("HF_HUB_CACHE")) return *cache;
  if (const auto home = set("HF_HOME")) return fs::path(*home) / "hub";
  if (const auto cache = set("XDG_CACHE_HOME")) return fs::path(*cache) / "huggingface/hub";
  return fs::path(set("HOME").value_or(".")) / ".cache/huggingface/hub";
}

bool is_hub_model(const fs::path& folder) { return folder.filename().native().starts_with(kPrefix); }

std::string hub_id(const fs::path& model) {
  return replaced(model.filename().string().substr(kPrefix.size()), "--", "/");
}

std::optional<fs::path> hub_model(const fs::path& cache, std::string_view id) {
  auto model = cache / (std::string(kPrefix) + replaced(std::string(id), "/", "--"));
  std::error_code code;
  if (!fs::is_directory(model, code) || hub_id(model) != id) return std::nullopt;
  return model;
}

fs::path hub_root(const fs::path& cache) {
  std::error_code code;
  const auto root = fs::canonical(cache, code);
  if (code)
    throw Error(code == std::errc::no_such_file_or_directory ? Errc::kNotFound : Errc::kIo,
                fmt::format("{}: the hub cache cannot be read: {}", path_text(cache), code.message()));
  return root;
}

fs::path hub_snapshot(const fs::path& model, const fs::path& root, const std::string& revision) {
  try {
    return snapshot_in(model, root, revision);
  } catch (const fs::filesystem_error& error) {
    throw Error(Errc::kIo, fmt::format("{}: {}", path_text(error.path1()), error.code().message()));
  }
}

}  // namespace garage
