// What becomes of every key of the families' config classes: tests/data/config-keys.tsv.
//
//   handled   another value makes another spec, or tensors that do not fit it are missed
//   refused   another value asks for what no blueprint can say: kUnsupported, by the key's name
//   none      no number of a forward pass depends on it in transformers: the spec stays
//
// What it is of the text models that lie with their families transformers itself said: each key was changed alone, and the
// model loaded and run again (5.12.1, eager attention).
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <vector>

#include <boost/json/parse.hpp>
#include <catch2/catch_test_macros.hpp>

#include <garage/checkpoint.hpp>

#include "is_error.hpp"
#include "places.hpp"
#include "test_registry.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;
namespace json = boost::json;

namespace {

struct Row {
  std::string variant, key, kind;
  json::value value, beside;
};

std::vector<Row> rows() {
  std::vector<Row> all;
  std::ifstream file(test_data("config-keys.tsv"));
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    Row row;
    std::string value, beside;
    std::getline(fields, row.variant, '\t');
    std::getline(fields, row.key, '\t');
    std::getline(fields, row.kind, '\t');
    std::getline(fields, value, '\t');
    std::getline(fields, beside, '\t');
    row.value = json::parse(value);
    row.beside = beside.empty() ? json::object() : json::parse(beside);
    all.push_back(std::move(row));
  }
  return all;
}

// The spec of a variant whose config was changed; nothing, and the error, where it is refused.
struct Outcome {
  std::optional<ModelSpec> spec;
  std::optional<Error> error;
};

Outcome register_with(ModelRegistry& registry, const Model& model, const json::object& config) {
  try {
    auto spec = *registry.register_model("m", Model(model.tensors(), config));
    spec.extra_info.erase("unread_config");  // a key that is listed there is not handled by that
    return {std::move(spec), std::nullopt};
  } catch (const Error& error) { return {std::nullopt, error}; }
}

// "hidden_size", "vision_config.hidden_size".
void set(json::object& config, std::string_view key, const json::value& value) {
  const auto dot = key.find('.');
  if (dot == key.npos) config[key] = value;
  else set(config[key.substr(0, dot)].as_object(), key.substr(dot + 1), value);
}

// The keys of a config, those of objects that are configs of their own with their path.
void add_keys(std::vector<std::string>& keys, const json::object& config, const std::string& path) {
  for (const auto& member : config) {
    const std::string key(member.key());
    if (key == "vision_config") add_keys(keys, member.value().as_object(), key + ".");
    else if (key != "text_config") keys.push_back(path + key);  // gemma3_text has rows of its own
  }
}

std::string type_of(const json::object& config) { return std::string(config.at("model_type").get_string()); }

}  // namespace

TEST_CASE("config keys: each is handled, or refused by name, or changes no number", "[plugins][config-keys]") {
  TestRegistry registry;
  std::map<std::string, Model> models;
  for (const auto& row : rows()) {
    INFO(row.variant << ": " << row.key << " = " << row.value << " beside " << row.beside);
    if (!models.contains(row.variant)) models.emplace(row.variant, open_checkpoint(checkpoint_of(row.variant)));
    const auto& model = models.at(row.variant);
    auto config = model.config();
    for (const auto& member : row.beside.get_object()) config[member.key()] = member.value();
    const auto before = register_with(registry.registry, model, config);
    if (before.error) FAIL(before.error->what());
    set(config, row.key, row.value);
    const auto after = register_with(registry.registry, model, config);
    if (row.kind == "handled") {
      CHECK((after.error || *after.spec != *before.spec));
    } else if (row.kind == "refused") {
      REQUIRE(after.error);
      CHECK(after.error->code() == Errc::kUnsupported);
      CHECK(std::string(after.error->what()).find(row.key.substr(row.key.rfind('.') + 1)) != std::string::npos);
    } else {
      REQUIRE(row.kind == "none");
      if (after.error) FAIL(after.error->what());
      CHECK(*after.spec == *before.spec);
    }
  }
}

TEST_CASE("config keys: those of the reference checkpoints are all known", "[plugins][config-keys]") {
  std::map<std::string, std::set<std::string>> known;  // by model_type
  for (const auto& row : rows()) known[type_of(open_checkpoint(checkpoint_of(row.variant)).config())].insert(row.key);
  int configs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test_data("reference"))) {
    const auto config = open_checkpoint(entry.path()).config();
    const auto keys = known.find(type_of(config));
    INFO(entry.path());
    REQUIRE(keys != known.end());
    ++configs;
    std::vector<std::string> its_keys;
    add_keys(its_keys, config, "");
    for (const auto& key : its_keys) {
      INFO(key);
      CHECK(keys->second.contains(key));
    }
  }
  CHECK(configs >= 31);
}
