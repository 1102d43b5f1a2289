// OwnTokens: what one file of a tokenizer says, before ids are settled: the files of one folder add to each other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vocabulary.hpp"

namespace garage {

inline constexpr std::uint64_t kMostTokenizerBytes = std::uint64_t{1} << 28;  // of a file; the largest real one is 2^26

// A token that is looked for before the model sees a text, and the id that a file states for it.
struct StatedToken {
  AddedToken token;
  std::optional<std::int64_t> id;
  std::string stated_by;  // "/models/a/tokenizer.json: added_tokens", for messages
};

struct OwnTokens {
  Vocabulary vocabulary;           // the model's own tokens, in any order; none is added yet
  std::vector<StatedToken> added;  // in the order in which they are added
};

// Each reads one file and checks ids and texts one by one. Throws kCorrupt, kUnsupported, kIo.
OwnTokens read_tokenizer_json(const std::filesystem::path& file);
OwnTokens read_vocab_json(const std::filesystem::path& file);
OwnTokens read_vocab_txt(const std::filesystem::path& file);
OwnTokens read_sentencepiece(const std::filesystem::path& file);  // tokenizer.model

// What tokenizer_config.json, added_tokens.json and special_tokens_map.json of the folder add, those of them that are
// there, as transformers 5 reads them (tokenization_utils_base.py, _from_pretrained): the two others are passed over
// where tokenizer_config.json has added_tokens_decoder. Throws kCorrupt, kIo.
void add_from_configs(OwnTokens& tokens, const std::filesystem::path& folder);

// The vocabulary with every added token at its id. tokenizers gives ids itself when it loads a file, whatever the file
// says (tokenizer/added_vocabulary.rs, add_tokens): the model's own where it knows the text, else the next one behind
// the added ones and the model's. Where a file states another one, nobody can know which row is meant.
// Throws kCorrupt.
Vocabulary settle(OwnTokens tokens);

// "'Ġthe'", as a terminal may be given it.
std::string in_quotes(std::string_view token);

// A token's id, as a file has it. Throws kCorrupt for one below 0, or not below kMostTokens.
std::int64_t checked_id(std::int64_t id, std::string_view token, std::string_view stated_by);

}  // namespace garage
