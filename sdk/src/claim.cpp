#include <garage/sdk/claim.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <garage/sdk/model_class.hpp>

namespace garage::sdk {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string text_or_empty(const boost::json::value* value) {
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

// The prefix of the first layer's tensors, where one of that name lies in it: "model.layers.0."; else "".
std::string first_layer(const Model& model, const std::string& list, const std::string& name) {
  const auto end = list + ".0." + name;
  for (const auto& tensor : model.tensors()) {
    const std::string_view full = tensor.name;
    if (full == end || full.ends_with("." + end)) return std::string(full.substr(0, full.size() - name.size()));
  }
  return {};
}

bool bears(const Model& model, const LayerMarks& marks) {
  const auto layer = first_layer(model, marks.list, marks.has.front());
  const auto there = [&](const std::string& name) { return model.find(layer + name) != nullptr; };
  return !layer.empty() && std::all_of(marks.has.begin(), marks.has.end(), there) &&
         std::none_of(marks.lacks.begin(), marks.lacks.end(), there) && (!marks.also || marks.also(model, layer));
}

bool bears_one_of(const Model& model, const std::vector<LayerMarks>& all) {
  return std::any_of(all.begin(), all.end(), [&](const LayerMarks& marks) { return bears(model, marks); });
}

// Dimensions without a type are read by nobody: each family has its own defaults.
std::string untyped(const Model& model, const FamilyNames& names) {
  const std::string lacks = "the config has neither model_type nor architectures";
  if (!bears_one_of(model, names.marks)) return lacks;
  return lacks + fmt::format("; the tensors are named as {}'s: add its model_type to config.json", names.family);
}

Detection claim_by_tensors(const Model& model, const FamilyNames& names) {
  if (names.marks.empty()) return {0, {}, "no config, and the tensors' names are other families' too"};
  for (const auto& marks : names.marks)
    if (bears(model, marks))
      return {60, names.family,
              fmt::format("no config; the first layer has {}, as no other family known here", marks.has.front())};
  return {0, {}, "no config, and the tensors are not named as this family's alone"};
}

}  // namespace

std::string model_type_of(const Model& model) { return text_or_empty(model.config().if_contains("model_type")); }

std::string architecture_of(const Model& model) {
  const auto* list = model.config().if_contains("architectures");
  if (!list || !list->is_array() || list->get_array().empty()) return {};
  return text_or_empty(&list->get_array().front());
}

bool is_of(const Model& model, std::string_view model_type) {
  if (const auto type = model_type_of(model); !type.empty()) return type == model_type;
  auto stem = std::string(model_type);
  std::erase(stem, '_');
  auto architecture = lower(architecture_of(model));
  std::erase(architecture, '_');
  if (architecture.starts_with(stem + "for") || architecture == stem + "model") return true;
  constexpr std::string_view kText = "text";
  return stem.ends_with(kText) && architecture == stem.substr(0, stem.size() - kText.size()) + "forcausallm";
}

Detection claim(const Model& model, const FamilyNames& names) {
  if (const auto type = model_type_of(model); !type.empty()) {
    if (std::find(names.model_types.begin(), names.model_types.end(), type) != names.model_types.end())
      return {100, names.family, fmt::format("model_type is '{}'", type)};
    return {0, {}, fmt::format("model_type is '{}'", type)};
  }
  const auto architecture = architecture_of(model);
  if (model.config().empty()) return claim_by_tensors(model, names);
  if (architecture.empty()) return {0, {}, untyped(model, names)};
  // The classes with another head are as much the family's: LlamaForTokenClassification.
  const auto theirs = read_model_class(architecture);
  const auto same = [&](const std::string& mine) {
    return lower(mine) == lower(architecture) || (!theirs.stem.empty() && theirs.is_beside(mine));
  };
  const bool mine = std::any_of(names.architectures.begin(), names.architectures.end(), same);
  return {mine ? 90 : 0, mine ? names.family : std::string(),
          fmt::format("no model_type; architecture is '{}'", architecture)};
}

}  // namespace garage::sdk
