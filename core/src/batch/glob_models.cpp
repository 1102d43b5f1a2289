#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include <glob.h>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/path_text.hpp>

#include "../checkpoint/checkpoint_files.hpp"
#include "../process/in_parallel.hpp"
#include "../text/utf8.hpp"
#include "brace_spread.hpp"
#include "found_models.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kAtOnce = 64;  // paths that a thread looks at, one after another
constexpr std::size_t kMaxPattern = 65'536;  // bytes
constexpr std::ptrdiff_t kMaxBraces = 100;   // glob calls itself for each
constexpr std::uint64_t kMaxPatterns = 10'000, kMaxFolders = 200;

struct Look {
  bool is_folder = false, is_checkpoint = false, is_dangling = false;
};

// What may not be looked at fails later, and is told.
Look look_at(const fs::path& path) {
  std::error_code code;
  const auto type = fs::status(path, code).type();
  if (type == fs::file_type::not_found) return {.is_dangling = fs::is_symlink(path, code)};
  if (type != fs::file_type::directory && type != fs::file_type::none)
    return {false, type == fs::file_type::regular && may_be_model(path.filename().string())};
  return {true, looks_like_checkpoint(path)};
}

// Throws kInvalidArgument for a pattern that glob would take apart without end, or its stack for.
void require_bounded(const std::string& pattern) {
  const auto refuse = [&](const std::string& fault) {
    throw Error(Errc::kInvalidArgument, fmt::format("the glob {} {}", utf8_label(pattern.substr(0, 200)), fault));
  };
  if (pattern.size() > kMaxPattern) refuse(fmt::format("has {} bytes, at most {} are tried", pattern.size(), kMaxPattern));
  const auto braces = std::count(pattern.begin(), pattern.end(), '{');
  if (braces > kMaxBraces) refuse(fmt::format("has {} braces, at most {} are tried", braces, kMaxBraces));
  const auto spread = brace_spread(pattern);
  if (spread.patterns > kMaxPatterns)
    refuse(fmt::format("stands for more than {} patterns: its braces multiply", kMaxPatterns));
  if (spread.folders > kMaxFolders) refuse(fmt::format("goes more than {} folders deep", kMaxFolders));
}

// Folders on the way that may not be read are told: what would match in them is not found.
std::vector<fs::path> matches(const std::string& pattern, std::vector<std::string>& oddities) {
  static thread_local std::vector<std::string>* unread = nullptr;  // glob hands its callback nothing of ours
  require_bounded(pattern);
  unread = &oddities;
  const auto note = [](const char* folder, int code) {
    if (code != ENOENT && code != ENOTDIR)
      unread->push_back(fmt::format("{}: cannot be searched: {}", path_text(folder), std::strerror(code)));
    return 0;
  };
  glob_t found{};
  const int code = ::glob(pattern.c_str(), GLOB_BRACE, note, &found);
  std::vector<fs::path> paths(found.gl_pathv, found.gl_pathv + (code == 0 ? found.gl_pathc : 0));
  ::globfree(&found);
  if (code == GLOB_NOSPACE) throw std::bad_alloc();
  return paths;
}

// "{parent}/{name}" of /models/org/llama: org/llama.
std::string id_of(const std::string& pattern, const fs::path& path, bool is_folder) {
  const auto name = is_folder ? path.filename() : path.stem();
  auto id = pattern;
  const std::pair<std::string, std::string> words[] = {{"{parent}", path.parent_path().filename().string()},
                                                       {"{name}", name.string()}};
  for (const auto& [word, text] : words)
    for (auto at = id.find(word); at != id.npos; at = id.find(word, at + text.size()))
      id.replace(at, word.size(), text);
  return id;
}

}  // namespace

Found models_in_glob(const ModelEntry& entry, std::optional<std::string_view> only) {
  Found found;
  const auto name = fmt::format("the glob {}", utf8_label(*entry.glob));
  const auto pattern = entry.id.empty() ? "{parent}/{name}" : entry.id;
  auto paths = matches(*entry.glob, found.oddities);
  const bool matched = !paths.empty();
  if (only)
    std::erase_if(paths, [&](const auto& path) {
      return id_of(pattern, path, true) != *only && id_of(pattern, path, false) != *only;
    });
  std::vector<Look> looks(paths.size());
  in_parallel(paths.size(), kAtOnce, [&](std::size_t i) { looks[i] = look_at(paths[i]); });
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (!looks[i].is_checkpoint && !looks[i].is_dangling) continue;
    BatchModel model{id_of(pattern, paths[i], looks[i].is_folder || looks[i].is_dangling), paths[i].lexically_normal(),
                     entry.plugin, std::nullopt};
    if (looks[i].is_dangling)
      model.problem.emplace(Errc::kNotFound, fmt::format("{}: is a link that leads nowhere", path_text(model.path)));
    if (!only || model.id == *only) found.models.push_back({std::move(model), name});
  }
  if (found.models.empty() && !only)
    found.oddities.push_back(
        fmt::format("{} matches {}", name, matched ? "no checkpoint, though other files" : "nothing"));
  return found;
}

}  // namespace garage
