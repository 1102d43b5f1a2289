#include "model_reference.hpp"

#include <fmt/format.h>

namespace garage {
namespace {

ModelPlace split_revision(const std::string& text, const YamlReader& value) {
  const auto at = text.find('@');
  if (at != text.npos && text.find('@', at + 1) != text.npos)
    value.refuse(fmt::format("is '{}' with more than one '@': write {{path: PLACE, revision: NAME}}", text));
  ModelPlace place{text.substr(0, at), std::nullopt};
  if (at != text.npos) place.revision = text.substr(at + 1);
  if (place.place.empty()) value.refuse(fmt::format("is '{}', which names no model", text));
  if (place.revision && place.revision->empty()) value.refuse(fmt::format("is '{}', whose revision is empty", text));
  return place;
}

// A text, or {path: PLACE, revision: NAME}.
ModelPlace read_place(const YamlReader& value) {
  if (!value.is_mapping()) return split_revision(value.text(), value);
  ModelPlace place;
  value.keys({{"path", [&](const YamlReader& v) { place.place = v.text(); }}, {"revision", [&](const YamlReader& v) {
                                                                                 if (!v.is_empty())
                                                                                   place.revision = v.text();
                                                                               }}});
  if (place.place.empty()) value.refuse("has no path");
  if (place.revision && place.revision->empty()) value.refuse("has an empty revision");
  return place;
}

}  // namespace

std::string to_string(const ModelPlace& place) {
  return place.revision ? place.place + "@" + *place.revision : place.place;
}

std::string to_string(const ModelReference& reference) {
  const auto model = to_string(reference.model);
  return reference.lora ? model + "+" + to_string(*reference.lora) : model;
}

ModelReference read_model_reference(const std::string& text, const YamlReader& value) {
  const auto plus = text.find('+');
  if (plus != text.npos && text.find('+', plus + 1) != text.npos)
    value.refuse(fmt::format("is '{}' with more than one '+': write {{model: PLACE, lora: PLACE}}", text));
  ModelReference reference{split_revision(text.substr(0, plus), value), std::nullopt, std::nullopt};
  if (plus != text.npos) reference.lora = split_revision(text.substr(plus + 1), value);
  return reference;
}

ModelReference read_model_reference(const YamlReader& value) {
  if (!value.is_mapping()) return read_model_reference(value.text(), value);
  ModelReference reference;
  value.keys({{"model", [&](const YamlReader& v) { reference.model = read_place(v); }},
              {"lora",
               [&](const YamlReader& v) {
                 if (!v.is_empty()) reference.lora = read_place(v);
               }},
              {"override_architecture", [&](const YamlReader& v) {
                 if (!v.is_empty()) reference.override_architecture = v.text();
               }}});
  if (reference.model.place.empty()) value.refuse("has no model");
  return reference;
}

}  // namespace garage
