#include <sstream>
#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/path_text.hpp>

#include "../bytes/read_file.hpp"
#include "../text/utf8.hpp"
#include "found_models.hpp"

namespace garage {
namespace {

constexpr std::uint64_t kMaxListFile = 256'000'000;  // bytes
constexpr std::size_t kMaxLines = 4'000'000;         // that name something: each takes some hundred bytes of memory

// "me/llama /models/llama": an id, then a path up to the end of the line.
std::pair<std::string, std::string> split(const std::string& line) {
  std::istringstream words(line);
  std::string id, path;
  words >> id >> std::ws;
  std::getline(words, path);
  path.resize(path.find_last_not_of(" \t\r") + 1);
  return {std::move(id), std::move(path)};
}

}  // namespace

Found models_in_list(const ModelEntry& entry, std::optional<std::string_view> only) {
  Found found;
  std::istringstream lines(read_text_file(*entry.list, kMaxListFile));
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    auto [id, path] = split(line);
    if (id.empty() || id.starts_with('#') || (only && id != *only)) continue;
    if (found.models.size() + found.refused.size() == kMaxLines)
      throw Error(Errc::kInvalidArgument, fmt::format("{}: lists more than {} models; make several lists of it",
                                                      path_text(*entry.list), kMaxLines));
    const auto place = fmt::format("{}:{}", path_text(*entry.list), number);
    try {
      if (path.empty())
        throw Error(Errc::kInvalidArgument, fmt::format("should be an id and a path, is '{}'", utf8_label(line)));
      BatchModel model{id, (entry.list->parent_path() / path_from_text(path)).lexically_normal(), entry.plugin,
                       std::nullopt};
      found.models.push_back({std::move(model), place});
    } catch (const Error& error) {
      found.refused.push_back(
          {utf8_label(id), *entry.list, {}, Error(error.code(), fmt::format("{}: {}", place, error.what()))});
    }
  }
  return found;
}

}  // namespace garage
