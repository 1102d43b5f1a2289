#include "mixture_table.hpp"

#include <algorithm>
#include <set>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/error.hpp>
#include <garage/json.hpp>
#include <garage/nearest.hpp>

#include "../../bytes/read_file.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::uint64_t kMaxTable = 1 << 20;  // bytes
constexpr const char* kFolder = "mixture";
constexpr std::string_view kEnding = ".json";
constexpr std::string_view kExpert = "{e}";

[[noreturn]] void fail(const fs::path& path, const std::string& fault) {
  throw Error(Errc::kCorrupt, fmt::format("{}: {}", path.string(), fault));
}

json::string_view key_of(std::string_view text) { return {text.data(), text.size()}; }

class TableReader {
 public:
  explicit TableReader(const fs::path& path) : path_(path) {
    const auto text = read_text_file(path, kMaxTable);
    auto value = parse_json(text, path.string());
    require_unique_keys(text, path.string());
    if (!value.is_object()) fail(path, fmt::format("is no JSON object but {}", kind_name(value)));
    root_ = std::move(value.get_object());
  }

  MixtureTable read() const {
    static const std::set<std::string_view> kKnown = {"of", "config", "without", "router", "expert"};
    for (const auto& member : root_)
      if (!kKnown.contains({member.key().data(), member.key().size()}))
        fail(path_, fmt::format("has '{}', which no table has", std::string_view(member.key())));
    MixtureTable table{path_, {}, object("config"), {}, text_of("router", require("router")), {}};
    for (const auto& [type, said] : object("of")) {
      if (!said.is_object()) fail(path_, fmt::format("'of.{}' is of kind {}", std::string(type), kind_name(said)));
      table.of[std::string(type)] = said.get_object();
    }
    for (const auto& [name, said] : object("expert")) {
      auto& own = table.expert[std::string(name)] = text_of("expert", said);
      if (own.find(kExpert) == own.npos) fail(path_, fmt::format("'{}' has no {{e}} for the expert", own));
    }
    if (const auto* without = root_.if_contains("without")) {
      if (!without->is_array()) fail(path_, "'without' is no list");
      for (const auto& key : without->get_array()) table.without.push_back(text_of("without", key));
    }
    return table;
  }

 private:
  const json::value& require(const char* key) const {
    const auto* value = root_.if_contains(key);
    if (!value) fail(path_, fmt::format("has no '{}'", key));
    return *value;
  }
  const json::object& object(const char* key) const {
    const auto& value = require(key);
    if (!value.is_object() || value.get_object().empty())
      fail(path_, fmt::format("'{}' is of kind {}, should be an object with members", key, kind_name(value)));
    return value.get_object();
  }
  std::string text_of(const char* key, const json::value& value) const {
    if (!value.is_string() || value.get_string().empty())
      fail(path_, fmt::format("'{}' has a value of kind {}, should be a text", key, kind_name(value)));
    return std::string(value.get_string());
  }

  const fs::path& path_;
  json::object root_;
};

std::vector<std::string> layouts_in(const fs::path& folder) {
  std::vector<std::string> layouts;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder / kFolder, ignored))
    if (const auto name = entry.path().filename().string(); name.ends_with(kEnding))
      layouts.push_back(name.substr(0, name.size() - kEnding.size()));
  return layouts;
}

// The spellings of a key: "rope_theta|rope_parameters". The first one is written.
std::vector<std::string_view> spellings(std::string_view keys) {
  std::vector<std::string_view> each;
  for (std::size_t begin = 0; begin <= keys.size();) {
    const auto end = std::min(keys.find('|', begin), keys.size());
    each.push_back(keys.substr(begin, end - begin));
    begin = end + 1;
  }
  return each;
}

}  // namespace

json::object MixtureTable::config_of(const json::object& base, const std::string& name,
                                     const RecipeMixture& mixture) const {
  const auto* type = base.if_contains("model_type");
  const auto said = type && type->is_string() ? std::string(type->get_string()) : std::string();
  const auto found = of.find(said);
  if (found == of.end()) {
    std::vector<std::string> types;
    for (const auto& [known, unused] : of) types.push_back(known);
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: the base {} is of model_type '{}', a '{}' is made of {}", mixture.where_layout, name,
                            said, mixture.layout, fmt::join(types, ", ")));
  }
  auto result = base;
  const auto value_of = [&](const json::value& value) -> json::value {
    const auto* text = value.if_string();
    if (!text || !text->starts_with('$')) return value;
    const auto key = std::string(*text).substr(1);
    if (key == "experts") return static_cast<std::int64_t>(mixture.experts.size());
    if (key == "experts_per_token") return mixture.experts_per_token;
    if (const auto* known = result.if_contains(key)) return *known;
    fail(path, fmt::format("takes '{}' from the config of {}, which does not say it", key, name));
  };
  for (const auto& [keys, value] : found->second) {
    const auto each = spellings(keys);
    const bool is_said = std::any_of(each.begin(), each.end(), [&](auto key) { return result.contains(key_of(key)); });
    if (!is_said) result[key_of(each.front())] = value_of(value);
  }
  for (const auto& [key, value] : config) result[key] = value_of(value);
  for (const auto& key : without) result.erase(key);
  return result;
}

MixtureTable find_mixture_table(const std::vector<fs::path>& folders, const RecipeMixture& mixture) {
  std::set<std::string> known;
  for (const auto& folder : folders)
    for (const auto& layout : layouts_in(folder)) {
      if (layout == mixture.layout) return TableReader(folder / kFolder / (layout + std::string(kEnding))).read();
      known.insert(layout);
    }
  throw Error(Errc::kInvalidArgument,
              fmt::format("{} is '{}', which no installed plugin has a table of{} (there are {})", mixture.where_layout,
                          mixture.layout, did_you_mean(mixture.layout, {known.begin(), known.end()}),
                          known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "))));
}

}  // namespace garage
