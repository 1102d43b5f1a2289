// Vocabulary: the tokens of a model folder and the row of the embedding that each one has.
//
// Read from the first of these that is there:
//
//   tokenizer.json     model.vocab of BPE, WordPiece, WordLevel and Unigram, and added_tokens
//   vocab.json         with added_tokens.json
//   vocab.txt          a token a line, with added_tokens.json
//   tokenizer.model    sentencepiece's pieces, with added_tokens.json
//
// and with it what tokenizer_config.json adds: transformers gives the next ids to special tokens that it names and the
// vocabulary lacks. What a tokenizer's class in Python adds by itself is not seen.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

namespace garage {

inline constexpr std::int64_t kMostTokens = std::int64_t{1} << 24;  // ids lie below; the largest real one is 2^20

struct Token {
  std::int64_t id;
  std::string text;  // as the file spells it: "Ġthe", "▁the", "##ing"

  bool operator==(const Token&) const = default;
};

// How a token that is looked for in a text before the model sees it is looked for (tokenizers' AddedToken).
struct AddedToken {
  std::string text;
  bool single_word = false, lstrip = false, rstrip = false, normalized = true, special = false;

  bool operator==(const AddedToken&) const = default;
};

struct Vocabulary {
  std::filesystem::path file;     // where it was read
  std::string model_type;         // "BPE", "WordPiece", "WordLevel", "Unigram"; "" where the file does not say
  std::string spelling;           // what its tokens are written in: "byte-level", "metaspace", ...; "" as above
  std::vector<Token> tokens;      // by id, ascending; each id and each text once
  std::vector<AddedToken> added;  // in the order of their ids; each one is among tokens

  std::int64_t end() const { return tokens.empty() ? 0 : tokens.back().id + 1; }  // one more than the largest id
  bool has_gaps() const { return end() != static_cast<std::int64_t>(tokens.size()); }
};

// The folder's; nothing when no file of a tokenizer is there. The embedding is not asked: see plan_vocabulary.
// Throws kCorrupt (file, fault and value: broken JSON, an id or a text twice, a negative id, ...), kUnsupported (files
// of a tokenizer that are not read, by name), kIo.
std::optional<Vocabulary> read_vocabulary(const std::filesystem::path& folder);

// From a text to its id. Views into the vocabulary, which has to outlive it.
class TokenIds {
 public:
  explicit TokenIds(const Vocabulary& vocabulary);
  std::int64_t find(std::string_view text) const;  // -1: it has none

 private:
  boost::unordered_flat_map<std::string_view, std::int64_t, std::hash<std::string_view>> ids_;
};

// How two models' vocabularies differ, in words; nothing where every token that has a row has the same id in both, and
// the embeddings have the same number of rows. Where one or both have no tokenizer the rows alone decide.
struct ModelTokens {
  std::string name;              // what messages call the model
  const Vocabulary* vocabulary;  // null: no files of a tokenizer
  std::int64_t rows;             // of its embedding
};
std::optional<std::string> vocabulary_difference(const ModelTokens& first, const ModelTokens& second);

}  // namespace garage
