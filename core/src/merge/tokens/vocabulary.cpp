#include "vocabulary.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/error.hpp>

#include "../../bytes/read_file.hpp"
#include "../../checkpoint/beside_weights.hpp"
#include "own_tokens.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

struct Reader {
  const char* name;
  OwnTokens (*read)(const fs::path& file);
};
constexpr Reader kReaders[] = {{"tokenizer.json", &read_tokenizer_json},
                               {"vocab.json", &read_vocab_json},
                               {"vocab.txt", &read_vocab_txt},
                               {"tokenizer.model", &read_sentencepiece}};

// What goes with a vocabulary and holds none.
bool is_beside_vocabulary(std::string_view name) {
  return name == "tokenizer_config.json" || name == "special_tokens_map.json" || name == "added_tokens.json" ||
         name.starts_with("chat_template.");
}

// Vocabularies in forms that nobody here reads.
void require_none(const fs::path& folder) {
  std::error_code code;
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    const auto name = entry.path().filename().string();
    if (is_tokenizer_name(name) && !is_beside_vocabulary(name) && entry.is_regular_file(code)) names.insert(name);
  }
  if (names.empty()) return;
  throw Error(Errc::kUnsupported,
              fmt::format("{}: its vocabulary is in {}, which is not read: save it with transformers, which writes "
                          "tokenizer.json",
                          folder.string(), fmt::join(names, ", ")));
}

}  // namespace

std::optional<Vocabulary> read_vocabulary(const fs::path& folder) {
  for (const auto& [name, read] : kReaders) {
    if (!is_there(folder / name)) continue;
    auto tokens = read(folder / name);
    add_from_configs(tokens, folder);
    return settle(std::move(tokens));
  }
  require_none(folder);
  return std::nullopt;
}

TokenIds::TokenIds(const Vocabulary& vocabulary) {
  ids_.reserve(vocabulary.tokens.size());
  for (const auto& token : vocabulary.tokens) ids_.emplace(token.text, token.id);
}

std::int64_t TokenIds::find(std::string_view text) const {
  const auto found = ids_.find(text);
  return found == ids_.end() ? -1 : found->second;
}

}  // namespace garage
