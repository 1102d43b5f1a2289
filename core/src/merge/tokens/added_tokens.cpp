#include <algorithm>
#include <array>
#include <charconv>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/json.hpp>

#include "../../bytes/read_file.hpp"
#include "../../json/python_json.hpp"
#include "own_tokens.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::uint64_t kMostConfigBytes = std::uint64_t{1} << 24;

// Named tokens, in the order in which transformers adds those that a vocabulary lacks (tokenization_utils_base.py,
// SPECIAL_TOKENS_ATTRIBUTES), and lists of further ones.
constexpr std::array<std::string_view, 7> kNamed = {"bos_token", "eos_token", "unk_token", "sep_token",
                                                    "pad_token", "cls_token", "mask_token"};
constexpr std::array<std::string_view, 2> kLists = {"additional_special_tokens", "extra_special_tokens"};

[[noreturn]] void wrong(const std::string& at, std::string_view wanted, const json::value& found) {
  throw Error(Errc::kCorrupt, fmt::format("{}: should be {}, is {}", at, wanted, kind_name(found)));
}

const json::object& object_in(const json::value& value, const std::string& at) {
  const auto* object = value.if_object();
  if (!object) wrong(at, "an object", value);
  return *object;
}

// A small file that may be missing: then it has no member. subject: what its members' places begin with.
struct Settings {
  std::string subject;
  json::object members;

  const json::value* find(std::string_view name) const {
    const auto* value = members.if_contains(name);
    return value && !value->is_null() ? value : nullptr;
  }
  std::string at(std::string_view name) const { return fmt::format("{}: {}", subject, name); }
};

Settings settings_in(const fs::path& file) {
  const auto subject = file.string();
  const auto text = text_if_there(file, kMostConfigBytes);
  if (!text) return {subject, {}};
  return {subject, object_in(parse_python_json(*text, subject), subject)};
}

bool& flag(AddedToken& token, std::string_view name) {
  return name == "single_word"  ? token.single_word
         : name == "lstrip"     ? token.lstrip
         : name == "rstrip"     ? token.rstrip
         : name == "normalized" ? token.normalized
                                : token.special;
}

// A text, or an object with the text as its content.
AddedToken token_from(const json::value& value, const std::string& at) {
  if (const auto* text = value.if_string()) return {std::string(text->data(), text->size())};
  const auto* object = value.if_object();
  if (!object) wrong(at, "a string or an object", value);
  const auto* content = object->if_contains("content");
  if (!content) throw Error(Errc::kCorrupt, at + ": has no 'content'");
  if (!content->is_string()) wrong(at + ".content", "a string", *content);
  AddedToken token{std::string(content->get_string())};
  for (const std::string_view name : {"single_word", "lstrip", "rstrip", "normalized", "special"})
    if (const auto* item = object->if_contains(name)) {
      if (!item->is_bool()) wrong(fmt::format("{}.{}", at, name), "true or false", *item);
      flag(token, name) = item->get_bool();
    }
  return token;
}

void add_in_order(OwnTokens& tokens, std::vector<StatedToken> stated) {
  std::stable_sort(stated.begin(), stated.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  std::move(stated.begin(), stated.end(), std::back_inserter(tokens.added));
}

// {"32000": {"content": "<pad>", ...}, ...}
void add_decoder(OwnTokens& tokens, const json::value& decoder, const std::string& at) {
  std::vector<StatedToken> stated;
  for (const auto& [key, item] : object_in(decoder, at)) {
    const std::string_view name(key.data(), key.size());
    std::int64_t id = 0;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (code != std::errc() || end != name.data() + name.size())
      throw Error(Errc::kCorrupt, fmt::format("{}: {} is no id", at, in_quotes(name)));
    auto token = token_from(item, fmt::format("{}.{}", at, name));
    id = checked_id(id, token.text, at);
    stated.push_back({std::move(token), id, at});
  }
  add_in_order(tokens, std::move(stated));
}

// added_tokens.json: {"<pad>": 32000, ...}
void add_plain(OwnTokens& tokens, const Settings& file) {
  std::vector<StatedToken> stated;
  for (const auto& [key, item] : file.members) {
    const std::string_view text(key.data(), key.size());
    if (!item.is_int64())
      throw Error(Errc::kCorrupt,
                  fmt::format("{}: the id of token {} is no whole number", file.subject, in_quotes(text)));
    stated.push_back({{std::string(text)}, checked_id(item.get_int64(), text, file.subject), file.subject});
  }
  add_in_order(tokens, std::move(stated));
}

void add_special(OwnTokens& tokens, const json::value& value, const std::string& at) {
  auto token = token_from(value, at);
  if (token.text.empty()) return;
  if (value.is_string()) token.normalized = false;
  token.special = true;
  tokens.added.push_back({std::move(token), std::nullopt, at});
}

// What the map says comes before what the config says.
void add_named(OwnTokens& tokens, const Settings& config, const Settings& map) {
  const auto source = [&](std::string_view name) -> const Settings& { return map.find(name) ? map : config; };
  for (const auto name : kNamed)
    if (const auto* value = source(name).find(name)) add_special(tokens, *value, source(name).at(name));
  for (const auto name : kLists) {
    const auto* value = source(name).find(name);
    if (!value || !value->is_array()) continue;  // a mapping names attributes; their tokens stand elsewhere
    for (const auto& item : value->get_array()) add_special(tokens, item, source(name).at(name));
  }
}

}  // namespace

void add_from_configs(OwnTokens& tokens, const fs::path& folder) {
  const auto config = settings_in(folder / "tokenizer_config.json");
  if (const auto* decoder = config.find("added_tokens_decoder")) {
    add_decoder(tokens, *decoder, config.at("added_tokens_decoder"));
    return add_named(tokens, config, {});
  }
  add_plain(tokens, settings_in(folder / "added_tokens.json"));
  add_named(tokens, config, settings_in(folder / "special_tokens_map.json"));
}

}  // namespace garage
