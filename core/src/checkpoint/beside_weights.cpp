#include "beside_weights.hpp"

#include <set>
#include <string>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string_view>;

}  // namespace

bool is_tokenizer_name(std::string_view file) {
  static const Names kNames = {"special_tokens_map.json", "added_tokens.json",  "vocab.json", "vocab.txt", "merges.txt",
                               "chat_template.json",      "chat_template.jinja"};
  return kNames.contains(file) || file.starts_with("tokenizer") || file.ends_with(".tiktoken") ||
         (file.ends_with(".model") && !file.starts_with("pytorch"));
}

bool goes_along(std::string_view file) {
  static const Names kNames = {"generation_config.json", "preprocessor_config.json", "processor_config.json", "LICENSE",
                               "LICENSE.txt"};
  return kNames.contains(file) || is_tokenizer_name(file);
}

void copy_beside(const fs::path& from, const fs::path& to, const std::function<bool(std::string_view)>& which) {
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(from, code)) {
    const auto name = entry.path().filename().string();
    if (!which(name) || !entry.is_regular_file(code)) continue;
    fs::copy_file(entry.path(), to / name, fs::copy_options::overwrite_existing, code);
    if (code)
      throw Error(Errc::kIo,
                  fmt::format("{}: cannot be copied to {}: {}", entry.path().string(), to.string(), code.message()));
  }
}

}  // namespace garage
