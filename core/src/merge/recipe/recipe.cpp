#include "recipe.hpp"

#include <limits>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nearest.hpp>
#include <garage/path_text.hpp>

#include "../../bytes/read_file.hpp"
#include "../methods/merge_method.hpp"
#include "mixture_reader.hpp"
#include "part_reader.hpp"
#include "slices_reader.hpp"
#include "tokenizer_reader.hpp"

namespace garage {
namespace {

constexpr std::uint64_t kMostBytes = 8'000'000;  // of a recipe; YAML takes a hundred for each

// The values of a mapping, so that they may be read in another order than they stand in. One that is empty is left out:
// `parameters:` without a line below it says nothing.
class Values {
 public:
  Values(const YamlReader& mapping, std::initializer_list<const char*> keys) {
    YamlReader::Handlers handlers;
    for (const auto* key : keys)
      handlers[key] = [this, key](const YamlReader& value) {
        if (!value.is_empty()) values_.emplace(key, value);
      };
    mapping.keys(handlers);
  }

  const YamlReader* find(std::string_view key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, YamlReader, std::less<>> values_;
};

const MergeMethod& read_method(const YamlReader& document, const Values& values) {
  const auto* value = values.find("merge_method");
  if (!value) document.refuse("has no merge_method");
  const auto name = value->text();
  std::vector<std::string> known;
  for (const auto* method : merge_methods()) {
    if (method->name() == name) return *method;
    known.emplace_back(method->name());
  }
  value->refuse(fmt::format("is '{}', which is no method{}", name, did_you_mean(name, known)));
}

DType read_dtype(const YamlReader& value) {
  auto word = value.text();
  if (word.starts_with("torch.")) word = word.substr(6);
  if (word == "float32") return DType::kF32;
  if (word == "float16") return DType::kF16;
  if (word == "bfloat16") return DType::kBF16;
  value.refuse(fmt::format("is '{}', should be one of float32, bfloat16, float16", word));
}

std::vector<std::string> read_allow(const YamlReader& value) {
  std::vector<std::string> fields;
  value.each([&](const YamlReader& item) {
    fields.push_back(item.text());
    if (fields.back().empty()) item.refuse("should name a field, as in rope.theta");
  });
  return fields;
}

// A template has braces, and a name of one has none: mergekit has some by heart.
std::string read_chat_template(const YamlReader& value) {
  auto text = value.text();
  if (text != "auto" && text.find('{') == text.npos)
    value.refuse(
        fmt::format("is '{}': templates are not known by name; should be auto (the tokenizer's own) or the "
                    "template itself",
                    text));
  return text;
}

// Where the layers are said: in the document, or in its one module.
void require_one_kind(const YamlReader& mapping, const Values& values) {
  const int kinds = (values.find("models") != nullptr) + (values.find("slices") != nullptr);
  if (kinds != 1) mapping.refuse(fmt::format("has {} of models, slices and modules, should have one", kinds));
}

void read_layers(Recipe& recipe, const Values& values, const SlicesReader& reader) {
  if (const auto* models = values.find("models")) recipe.slices.push_back(reader.whole_models(*models));
  if (const auto* slices = values.find("slices")) recipe.slices = reader.slices(*slices);
}

void read_modules(Recipe& recipe, const YamlReader& modules, const SlicesReader& reader) {
  std::optional<YamlReader> only;
  modules.each_pair([&](const std::string&, const YamlReader& module) {
    if (only)
      throw Error(Errc::kUnsupported, module.where() + " is a second module, and models of several are not merged");
    only = module;
  });
  if (!only) modules.refuse("has no module");
  const Values values(*only, {"models", "slices", "parameters"});
  require_one_kind(*only, values);
  read_layers(recipe, values, reader);
  if (const auto* v = values.find("parameters"))
    recipe.module_parameters = SettingsReader(*recipe.method, recipe.notes)(*v, false);
}

void read_merge(Recipe& recipe, const YamlReader& document, const Values& values) {
  std::optional<NamedBase> base;
  if (const auto* v = values.find("base_model")) base = NamedBase{read_model_reference(*v), v->where()};
  if (base) recipe.base_model = base->model;
  const SlicesReader reader(*recipe.method, base, recipe.notes);
  const auto* modules = values.find("modules");
  if (modules && (values.find("models") || values.find("slices")))
    modules->refuse("stands beside models or slices, which belong below the module");
  if (modules) return read_modules(recipe, *modules, reader);
  require_one_kind(document, values);
  read_layers(recipe, values, reader);
}

void read_tokenizers(Recipe& recipe, const Values& values) {
  const auto* whole = values.find("tokenizer");
  const auto* source = values.find("tokenizer_source");
  if (whole && source) source->refuse("stands beside tokenizer, which has a source of its own");
  const bool has_base = recipe.base_model.has_value();
  if (whole) recipe.tokenizer = read_tokenizer(*whole, has_base);
  if (source) recipe.tokenizer = read_tokenizer_source(*source, has_base);
}

void read_rest(Recipe& recipe, const Values& values) {
  if (const auto* v = values.find("name")) recipe.name = v->text();
  if (const auto* v = values.find("dtype")) recipe.dtype = read_dtype(*v);
  if (const auto* v = values.find("out_dtype")) recipe.out_dtype = read_dtype(*v);
  if (const auto* v = values.find("chat_template")) recipe.chat_template = read_chat_template(*v);
  if (const auto* v = values.find("tie_word_embeddings")) recipe.tie_word_embeddings = v->flag();
  if (const auto* v = values.find("allow")) recipe.allow = read_allow(*v);
  if (const auto* v = values.find("seed"))
    recipe.seed = static_cast<std::uint64_t>(v->whole_number(0, std::numeric_limits<std::int64_t>::max()));
  if (const auto* v = values.find("mixture")) recipe.mixture = read_mixture(*v);
  if (const auto* v = values.find("parts"))
    v->each_pair(
        [&](const std::string& part, const YamlReader& from) { recipe.parts.push_back(read_part(part, from)); });
}

void require_parameter(const Recipe& recipe, const MergeParameter& parameter, std::size_t slice) {
  const auto& sources = recipe.slices[slice].sources;
  const auto refuse = [&](const std::string& where) {
    throw Error(Errc::kInvalidArgument,
                fmt::format("{} has no {}, which {} needs{}", where, parameter.name, recipe.method->name(),
                            parameter.is_per_model ? " of every model" : ""));
  };
  if (!parameter.is_per_model) {
    if (!is_set(recipe, parameter.name, std::nullopt, slice)) refuse(recipe.slices[slice].where);
    return;
  }
  for (std::size_t i = 0; i < sources.size(); ++i)
    if (recipe.slices[slice].base != i && !is_set(recipe, parameter.name, i, slice)) refuse(sources[i].where);
}

// A mixture is made of whole models, with the base's tokens.
void require_room_for_mixture(const Recipe& recipe) {
  if (!recipe.mixture) return;
  const auto refuse = [&](const char* fault) {
    throw Error(Errc::kInvalidArgument, fmt::format("{} {}", recipe.mixture->where, fault));
  };
  if (recipe.slices.front().sources.front().layers)
    refuse(
        "stands beside ranges of layers, which do not say whose feed-forward is a layer's expert: each layer's experts "
        "are that layer's of whole models; merge the layers first, and make the mixture of what comes of it");
  if (recipe.tokenizer)
    refuse("stands beside a tokenizer: the experts of a mixture saw the same tokens; give them one vocabulary first");
}

// What is said for some tensors alone shows only when they are merged.
void require_parameters(const Recipe& recipe) {
  for (const auto& parameter : recipe.method->parameters())
    for (std::size_t slice = 0; !parameter.fallback && slice < recipe.slices.size(); ++slice)
      require_parameter(recipe, parameter, slice);
}

}  // namespace

Recipe parse_recipe(std::string_view yaml, const std::string& file) {
  const auto document = read_yaml(yaml, file);
  const Values values(document, {"merge_method", "models", "slices", "modules", "base_model", "parameters", "dtype",
                                 "out_dtype", "tokenizer", "tokenizer_source", "chat_template", "name", "parts",
                                 "allow", "seed", "mixture", "tie_word_embeddings"});
  Recipe recipe;
  recipe.text = yaml;
  recipe.method = &read_method(document, values);
  read_merge(recipe, document, values);
  if (const auto* v = values.find("parameters"))
    recipe.parameters = SettingsReader(*recipe.method, recipe.notes)(*v, false);
  read_tokenizers(recipe, values);
  read_rest(recipe, values);
  require_parameters(recipe);
  require_room_for_mixture(recipe);
  return recipe;
}

Recipe read_recipe(const std::filesystem::path& file) {
  return parse_recipe(read_text_file(file, kMostBytes), path_text(file));
}

}  // namespace garage
