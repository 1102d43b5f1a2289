#include "gguf_config.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/json.hpp>

#include "gguf_rope.hpp"

namespace garage {
namespace {

namespace json = boost::json;

std::vector<std::string> split(const std::string& expression) {
  std::vector<std::string> pieces;
  for (std::size_t from = 0; from <= expression.size();) {
    const auto to = std::min(expression.find('|', from), expression.size());
    pieces.push_back(expression.substr(from, to - from));
    from = to + 1;
  }
  return pieces;
}

class Values {
 public:
  Values(const GgufModel& model, const GgufTable& table) : model_(model), table_(table) {}

  json::value value(const json::value& said) {
    if (said.is_string()) return value(std::string(said.get_string()));
    if (said.is_object()) return computed(said.get_object());
    return said;
  }

  json::value value(const std::string& expression) {
    for (const auto& piece : split(expression))
      if (auto found = one(piece)) return std::move(*found);
    throw Error(Errc::kCorrupt, fmt::format("{}: has nothing for '{}', which architecture '{}' needs",
                                            model_.path().string(), expression, table_.architecture));
  }

  // Keys of the architecture's, without it, that were asked for.
  const std::set<std::string>& asked() const { return asked_; }
  void know(const std::string& key) { asked_.insert(key); }

 private:
  std::optional<json::value> one(const std::string& piece) {
    if (piece.empty()) return json::value("");
    const auto rest = piece.substr(1);
    switch (piece.front()) {
      case '$': return said(rest);
      case '@': return rows(rest);
      case '?': return json::value(model_.find_tensor(rest).has_value());
      case '!': return json::value(!model_.find_tensor(rest));
      case '%': return scaling(rest);
      default: return literal(piece);
    }
  }

  std::optional<json::value> said(const std::string& key) {
    asked_.insert(key);
    const auto full = table_.architecture + "." + key;
    auto value = model_.json(full);
    if (!value && model_.metadata().contains(full))
      throw Error(Errc::kUnsupported, fmt::format("{}: '{}' is a list of texts, of lists, or of more than {} numbers, "
                                                  "which is not read",
                                                  model_.path().string(), full, GgufArray::kMostKept));
    return value;
  }

  std::optional<json::value> rows(const std::string& name) const {
    const auto found = model_.find_tensor(name);
    if (!found || found->tensor->shape.empty()) return std::nullopt;
    return json::value(found->tensor->shape.front());
  }

  std::optional<json::value> scaling(const std::string& name) {
    if (name != "rope_scaling") table_.fail(fmt::format("asks for '%{}', which is unknown", name));
    for (const auto& key : rope_scaling_keys()) asked_.insert(key);
    return gguf_rope_scaling(model_);
  }

  static json::value literal(const std::string& text) {
    boost::system::error_code code;
    auto value = json::parse(text, code);
    return code ? json::value(text) : value;
  }

  // {"of": VALUE, "46": 144, "else": VALUE} and {"product": [VALUE, ...], "by": VALUE, "else": VALUE}.
  json::value computed(const json::object& said) {
    if (const auto* of = said.if_contains("of")) return chosen(said, value(*of));
    if (!said.contains("product") || !said.contains("by") || !said.at("product").is_array())
      table_.fail("has a config value that is an object with neither 'of' nor 'product' and 'by'");
    double result = 1;
    try {
      for (const auto& factor : said.at("product").get_array()) result *= value(factor).to_number<double>();
      return result / value(said.at("by")).to_number<double>();
    } catch (const Error&) {
      if (const auto* otherwise = said.if_contains("else")) return value(*otherwise);
      throw;
    }
  }

  json::value chosen(const json::object& said, const json::value& of) {
    const auto text = json::serialize(of);
    if (const auto* found = said.if_contains(text)) return value(*found);
    if (const auto* otherwise = said.if_contains("else")) return value(*otherwise);
    throw Error(Errc::kUnsupported, fmt::format("{}: {} is none that the table of '{}' knows", model_.path().string(),
                                                text, table_.architecture));
  }

  const GgufModel& model_;
  const GgufTable& table_;
  std::set<std::string> asked_;
};

// What the config says under a name; head_dim where it says none is what most classes make of it.
std::optional<double> number_in(const json::object& config, const std::string& name) {
  const auto* value = config.if_contains(name);
  if (value && value->is_number()) return value->to_number<double>();
  const auto *hidden = config.if_contains("hidden_size"), *heads = config.if_contains("num_attention_heads");
  if (name != "head_dim" || !hidden || !heads || !hidden->is_number() || !heads->is_number()) return std::nullopt;
  return hidden->to_number<double>() / heads->to_number<double>();
}

// "equal": {"rope.dimension_count": "head_dim"}: where the file says the one it must be the other.
void require_equal(const GgufModel& model, const GgufTable& table, const json::object& config, Values& values) {
  const auto* rows = table.object("equal");
  if (!rows) return;
  for (const auto& row : *rows) {
    const std::string key(row.key()), name(row.value().is_string() ? row.value().get_string().c_str() : "");
    values.know(key);
    const auto full = table.architecture + "." + key;
    const auto said = model.number(full), is = number_in(config, name);
    if (said && is && *said != *is)
      throw Error(Errc::kUnsupported,
                  fmt::format("{}: '{}' is {} and the model's {} is {}: a model in which they differ is "
                              "not handled",
                              model.path().string(), full, *said, name, *is));
  }
}

void refuse_unknown(const GgufModel& model, const GgufTable& table, const Values& values) {
  const auto harmless = table.texts("harmless");
  const auto own = table.architecture + ".";
  for (const auto& [key, value] : model.metadata()) {
    if (!key.starts_with(own)) continue;
    const auto name = key.substr(own.size());
    if (values.asked().contains(name) || std::find(harmless.begin(), harmless.end(), name) != harmless.end()) continue;
    throw Error(Errc::kUnsupported,
                fmt::format("{}: says '{}', which {} does not know: it may change what the model computes",
                            model.path().string(), key, table.path.string()));
  }
}

}  // namespace

json::object gguf_config(const GgufModel& model, const GgufTable& table) {
  Values values(model, table);
  json::object config;
  for (const auto& member : *table.object("config")) {
    auto value = values.value(member.value());
    // What a class has by itself is left to it; a null that the table wants is written in the table as such.
    const bool is_left_out = value.is_null() && !member.value().is_null();
    if (!is_left_out) config[member.key()] = std::move(value);
  }
  for (const auto& key : table.texts("with")) values.know(key);
  for (const auto& key : table.texts("without")) values.know(key);
  require_equal(model, table, config, values);
  refuse_unknown(model, table, values);
  return config;
}

json::value gguf_value(const GgufModel& model, const GgufTable& table, const std::string& expression) {
  return Values(model, table).value(expression);
}

}  // namespace garage
