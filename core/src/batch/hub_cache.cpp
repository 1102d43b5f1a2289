#include "hub_cache.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../file/read_file.hpp"

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
  return !name.empty() && path.is_relative() && std::find(path.begin(), path.end(), "..") == path.end();
}

// The snapshot's folder; a sentence when there is none.
std::pair<fs::path, std::string> snapshot_of(const fs::path& model, const std::string& revision) {
  if (!is_plain(revision)) return {{}, fmt::format("{}: '{}' is no revision", model.string(), revision)};
  auto commit = revision;
  if (const auto ref = model / "refs" / revision; is_there(ref)) commit = trimmed(read_text_file(ref, 4096));
  const auto folder = model / "snapshots" / commit;
  if (!is_plain(commit) || !is_there(folder))
    return {{}, fmt::format("{}: revision '{}' is not in the cache", model.string(), revision)};
  return {folder, {}};
}

// What leads out of the cache, if anything.
std::string stray_link(const fs::path& snapshot, const fs::path& root) {
  for (const auto& entry : fs::recursive_directory_iterator(snapshot)) {
    if (!entry.is_symlink()) continue;
    const auto target = fs::weakly_canonical(entry.path());
    const auto [in_root, in_target] = std::mismatch(root.begin(), root.end(), target.begin(), target.end());
    if (in_root != root.end())
      return fmt::format("{}: leads out of the cache, to {}", entry.path().string(), target.string());
  }
  return {};
}

BatchModel model_at(const fs::path& folder, const fs::path& root, const std::string& revision) {
  BatchModel model;
  model.id = replaced(folder.filename().string().substr(kPrefix.size()), "--", "/");
  model.path = folder;
  try {
    auto [snapshot, problem] = snapshot_of(folder, revision);
    model.problem = std::move(problem);
    if (!model.problem.empty()) return model;
    model.path = std::move(snapshot);
    model.problem = stray_link(model.path, root);
  } catch (const fs::filesystem_error& error) {
    model.problem = fmt::format("{}: {}", error.path1().string(), error.code().message());
  } catch (const Error& error) { model.problem = error.what(); }
  return model;
}

}  // namespace

fs::path hub_cache_folder(const Environment& environment) {
  const auto set = [&](const char* name) {
    auto value = environment(name);
    return value && !value->empty() ? value : std::nullopt;
  };
  if (const auto cache = set("HF_HUB_CACHE")) return *cache;
  if (const auto home = set("HF_HOME")) return fs::path(*home) / "hub";
  if (const auto cache = set("XDG_CACHE_HOME")) return fs::path(*cache) / "huggingface/hub";
  return fs::path(set("HOME").value_or(".")) / ".cache/huggingface/hub";
}

std::vector<BatchModel> models_in_hub_cache(const fs::path& cache, const std::optional<std::string>& revision) {
  std::error_code code;
  const auto root = fs::canonical(cache, code);
  fs::directory_iterator entry(cache, code);
  if (code)
    throw Error(code == std::errc::no_such_file_or_directory ? Errc::kNotFound : Errc::kIo,
                fmt::format("{}: the hub cache cannot be read: {}", cache.string(), code.message()));
  std::vector<BatchModel> models;
  for (const auto& each : entry)
    if (each.path().filename().string().starts_with(kPrefix))
      models.push_back(model_at(each.path(), root, revision.value_or("main")));
  std::sort(models.begin(), models.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return models;
}

std::optional<BatchModel> model_in_hub_cache(const fs::path& cache, const std::string& id,
                                             const std::optional<std::string>& revision) {
  const auto folder = cache / (std::string(kPrefix) + replaced(id, "/", "--"));
  std::error_code code;
  if (!fs::is_directory(folder, code)) return std::nullopt;
  return model_at(folder, fs::canonical(cache), revision.value_or("main"));
}

}  // namespace garage
