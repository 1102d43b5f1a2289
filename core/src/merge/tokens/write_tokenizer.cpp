#include "write_tokenizer.hpp"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <garage/durable_file.hpp>
#include <garage/error.hpp>
#include <garage/json_writer.hpp>

#include "../../bytes/read_file.hpp"
#include "../../checkpoint/beside_weights.hpp"
#include "../../json/json_reader.hpp"
#include "../../json/python_json.hpp"
#include "own_tokens.hpp"
#include "replace_member.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr const char *kTokenizer = "tokenizer.json", *kConfig = "tokenizer_config.json";
constexpr const char *kAdded = "added_tokens", *kDecoder = "added_tokens_decoder";

struct NewToken {
  std::int64_t id;
  const AddedToken* token;
};

json::object with_flags(json::object object, const AddedToken& token) {
  object["content"] = token.text;
  object["single_word"] = token.single_word;
  object["lstrip"] = token.lstrip;
  object["rstrip"] = token.rstrip;
  object["normalized"] = token.normalized;
  object["special"] = token.special;
  return object;
}

std::string text_of(const json::value& value, int lines_to_depth) {
  JsonWriter out(lines_to_depth);
  write_json(out, value);
  return out.take();
}

// All have to come in the order of their ids: tokenizers gives ids to those that the model lacks as they come.
std::string added_tokens(std::string_view text, const fs::path& file, const std::vector<NewToken>& added) {
  const JsonDocument document(text, file.string());
  json::array tokens;
  if (JsonElement old; !document.root()[kAdded].get(old) && !old.is_null()) tokens = boost_value(old).as_array();
  for (const auto& [id, token] : added) tokens.push_back(with_flags({{"id", id}}, *token));
  const auto id_of = [](const json::value& token) { return token.at("id").to_number<std::int64_t>(); };
  std::stable_sort(tokens.begin(), tokens.end(), [&](const auto& a, const auto& b) { return id_of(a) < id_of(b); });
  return text_of(tokens, 0);
}

std::vector<NewToken> with_ids(const VocabularyPlan& plan) {
  std::unordered_map<std::string_view, std::int64_t> ids;
  for (const auto& token : plan.tokens) ids.emplace(token.text, token.id);
  std::vector<NewToken> added;
  for (const auto& token : plan.added) added.push_back({ids.at(token.text), &token});
  return added;
}

void write_tokens(const VocabularyPlan& plan, const fs::path& folder, const std::vector<NewToken>& added) {
  const auto file = plan.donor / kTokenizer;
  const auto text = read_text_file(file, kMostTokenizerBytes);
  write_durably(folder / kTokenizer, {with_member(text, kAdded, added_tokens(text, file, added))});
}

// A config that lists added tokens is believed before tokenizer.json.
void write_config(const VocabularyPlan& plan, const fs::path& folder, const std::vector<NewToken>& added) {
  const auto file = plan.donor / kConfig;
  auto text = text_if_there(file, kMostTokenizerBytes);
  if (!text) return;
  const auto config = parse_python_json(*text, file.string());
  if (const auto* old = config.as_object().if_contains(kDecoder); old && old->is_object()) {
    auto decoder = old->get_object();
    for (const auto& [id, token] : added) decoder[std::to_string(id)] = with_flags({}, *token);
    text = with_member(*text, kDecoder, text_of(decoder, 1));
  }
  write_durably(folder / kConfig, {*text});
}

void write_with_added(const VocabularyPlan& plan, const fs::path& folder) {
  const auto added = with_ids(plan);
  if (!is_there(plan.donor / kTokenizer))
    throw Error(Errc::kUnsupported,
                fmt::format("{}: has no tokenizer.json, and {} tokens have to be added, {} first: save it with "
                            "transformers, which writes one",
                            plan.donor.string(), added.size(), in_quotes(added[0].token->text)));
  copy_beside(plan.donor, folder, [](std::string_view name) {
    return name == "special_tokens_map.json" || name.starts_with("chat_template.");
  });
  write_tokens(plan, folder, added);
  write_config(plan, folder, added);
}

}  // namespace

void write_tokenizer(const VocabularyPlan& plan, const fs::path& folder) {
  if (plan.added.empty()) copy_beside(plan.donor, folder, &is_tokenizer_name);
  else write_with_added(plan, folder);
}

}  // namespace garage
