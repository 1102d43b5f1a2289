// tokenizer.json, as the tokenizers library writes it:
//
//   added_tokens   [{"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"}, ...]
//   normalizer, pre_tokenizer, decoder   {"type", ...} or null; a Sequence has others within
//   model          {"type": BPE | WordPiece | WordLevel, "vocab": {text: id, ...}, ...}
//                  {"type": Unigram, "vocab": [[text, score], ...], ...}; files of before have no type
#include <set>

#include <fmt/format.h>

#include "../../bytes/read_file.hpp"
#include "../../json/json_reader.hpp"
#include "own_tokens.hpp"

namespace garage {
namespace {

constexpr std::string_view kSpace = "\u2581";  // what sentencepiece writes for one

std::string text_of(const JsonObject& object, const char* key, const JsonPath& at) {
  JsonElement element;
  if (object[key].get(element) || element.is_null()) return {};
  return std::string(string_at(element, at / key));
}

bool flag_of(const JsonObject& object, const char* key, bool fallback, const JsonPath& at) {
  JsonElement element;
  if (object[key].get(element)) return fallback;
  read_json(element, fallback, at / key);
  return fallback;
}

// Readers differ in which of two they take.
void require_once(const JsonObject& object, const JsonPath& at) {
  std::set<std::string_view> seen;
  for (const auto& member : object)
    if (!seen.insert(member.key).second)
      throw Error(Errc::kCorrupt, fmt::format("{}: has {} twice", at.text(), in_quotes(member.key)));
}

StatedToken stated_token(const JsonElement& element, const JsonPath& at) {
  const auto object = object_at(element, at);
  require_once(object, at);
  JsonElement content, id;
  if (object["content"].get(content)) throw Error(Errc::kCorrupt, at.text() + ": has no 'content'");
  if (object["id"].get(id)) throw Error(Errc::kCorrupt, at.text() + ": has no 'id'");
  StatedToken stated{{std::string(string_at(content, at / "content"))}, 0, at.text()};
  auto& token = stated.token;
  token.single_word = flag_of(object, "single_word", false, at);
  token.lstrip = flag_of(object, "lstrip", false, at);
  token.rstrip = flag_of(object, "rstrip", false, at);
  token.special = flag_of(object, "special", false, at);
  token.normalized = flag_of(object, "normalized", !token.special, at);
  std::int64_t number = 0;
  read_json(id, number, at / "id");
  stated.id = checked_id(number, token.text, stated.stated_by);
  return stated;
}

void read_vocab_object(const JsonObject& vocab, const JsonPath& at, std::vector<Token>& out) {
  const auto stated_by = at.text();
  out.reserve(vocab.size());
  for (const auto& [text, element] : vocab) {
    std::int64_t id = 0;
    if (element.get(id))
      throw Error(Errc::kCorrupt, fmt::format("{}: the id of token {} is no whole number", stated_by, in_quotes(text)));
    out.push_back({checked_id(id, text, stated_by), std::string(text)});
  }
}

void read_pieces(const simdjson::dom::array& pieces, const JsonPath& at, std::vector<Token>& out) {
  out.reserve(pieces.size());
  for (const auto& piece : pieces) {
    simdjson::dom::array pair;
    std::string_view text;
    if (piece.get(pair) || pair.at(0).get(text))
      throw Error(Errc::kCorrupt, fmt::format("{}: piece {} is no [text, score]", at.text(), out.size()));
    out.push_back({static_cast<std::int64_t>(out.size()), std::string(text)});
  }
}

// How the library tells them apart where a file does not say (models/mod.rs: ModelUntagged).
std::string untagged_type(const JsonObject& model, bool has_pieces) {
  JsonElement ignored;
  if (has_pieces) return "Unigram";
  if (!model["merges"].get(ignored)) return "BPE";
  return model["continuing_subword_prefix"].get(ignored) ? "WordLevel" : "WordPiece";
}

void read_model(const JsonElement& element, const JsonPath& at, Vocabulary& out) {
  const auto model = object_at(element, at);
  require_once(model, at);
  JsonElement vocab;
  if (model["vocab"].get(vocab)) throw Error(Errc::kCorrupt, at.text() + ": has no 'vocab'");
  simdjson::dom::array pieces;
  const bool has_pieces = !vocab.get(pieces);
  out.model_type = text_of(model, "type", at);
  if (out.model_type.empty()) out.model_type = untagged_type(model, has_pieces);
  if (has_pieces) read_pieces(pieces, at / "vocab", out.tokens);
  else read_vocab_object(object_at(vocab, at / "vocab"), at / "vocab", out.tokens);
}

struct Spelling {
  bool has_bytes = false, has_space = false;
};

// Goes through a normalizer, a pre-tokenizer or a decoder; the parser bounds the depth.
void look_for_spelling(const JsonElement& element, Spelling& found) {
  std::string_view text;
  JsonObject object;
  simdjson::dom::array array;
  if (!element.get(text))
    found.has_space |= text == kSpace || text == "Metaspace", found.has_bytes |= text == "ByteLevel";
  else if (!element.get(object))
    for (const auto& [name, item] : object) look_for_spelling(item, found);
  else if (!element.get(array))
    for (const auto& item : array) look_for_spelling(item, found);
}

std::string spelling_of(const JsonObject& root, const JsonPath& at) {
  Spelling found;
  JsonElement element;
  for (const auto* name : {"normalizer", "pre_tokenizer", "decoder"})
    if (!root[name].get(element)) look_for_spelling(element, found);
  if (found.has_bytes) return "byte-level";
  if (found.has_space) return "metaspace";
  JsonObject model;
  if (root["model"].get(model)) return "whole words";
  const auto prefix = text_of(model, "continuing_subword_prefix", at),
             suffix = text_of(model, "end_of_word_suffix", at);
  if (!prefix.empty()) return fmt::format("words continued by {}", in_quotes(prefix));
  if (!suffix.empty()) return fmt::format("words ended by {}", in_quotes(suffix));
  return "neither bytes nor words marked";
}

}  // namespace

OwnTokens read_tokenizer_json(const std::filesystem::path& file) {
  const auto subject = file.string();
  const auto text = read_text_file(file, kMostTokenizerBytes);
  const JsonDocument document(text, subject);
  const JsonPath at{nullptr, subject};
  const auto root = object_at(document.root(), at);
  require_once(root, at);
  OwnTokens out;
  out.vocabulary.file = file;
  JsonElement model, added;
  if (root["model"].get(model)) throw Error(Errc::kCorrupt, subject + ": has no 'model'");
  read_model(model, at / "model", out.vocabulary);
  out.vocabulary.spelling = spelling_of(root, at / "model");
  if (root["added_tokens"].get(added) || added.is_null()) return out;
  simdjson::dom::array array;
  const auto at_added = at / "added_tokens";
  if (added.get(array)) wrong_json(at_added, "an array", added);
  for (const auto& item : array) out.added.push_back(stated_token(item, at_added / std::to_string(out.added.size())));
  return out;
}

OwnTokens read_vocab_json(const std::filesystem::path& file) {
  const auto subject = file.string();
  const auto text = read_text_file(file, kMostTokenizerBytes);
  const JsonDocument document(text, subject);
  const JsonPath at{nullptr, subject};
  OwnTokens out;
  out.vocabulary.file = file;
  read_vocab_object(object_at(document.root(), at), at, out.vocabulary.tokens);
  if (is_there(file.parent_path() / "merges.txt")) out.vocabulary.model_type = "BPE";
  return out;
}

OwnTokens read_vocab_txt(const std::filesystem::path& file) {
  const auto text = read_text_file(file, kMostTokenizerBytes);
  OwnTokens out;
  out.vocabulary.file = file;
  out.vocabulary.model_type = "WordPiece";
  for (std::string_view rest = text; !rest.empty();) {
    auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto id = static_cast<std::int64_t>(out.vocabulary.tokens.size());
    out.vocabulary.tokens.push_back({checked_id(id, line, file.string()), std::string(line)});
  }
  return out;
}

}  // namespace garage
