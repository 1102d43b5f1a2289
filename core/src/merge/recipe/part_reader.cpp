#include "part_reader.hpp"

#include <fmt/format.h>

namespace garage {
namespace {

constexpr const char* kForm = "should be MODEL:PART, as in org/model:attention_7";

// A model's name may have colons, a part's has none; and no slash, which a file URI has behind its last colon.
void read_text(RecipePart& part, const YamlReader& value) {
  const auto text = value.text();
  const auto colon = text.rfind(':');
  if (colon == text.npos || colon + 1 == text.size() || text.find('/', colon) != text.npos)
    value.refuse(fmt::format("is '{}', {}", text, kForm));
  part.model = read_model_reference(text.substr(0, colon), value);
  part.model_part = text.substr(colon + 1);
}

}  // namespace

RecipePart read_part(const std::string& name, const YamlReader& value) {
  RecipePart part{name, {}, {}, value.where()};
  if (name.empty()) value.refuse("should be a part of the result, as in attention_5");
  if (!value.is_mapping()) {
    read_text(part, value);
    return part;
  }
  value.keys({{"model", [&](const YamlReader& v) { part.model = read_model_reference(v); }},
              {"part", [&](const YamlReader& v) { part.model_part = v.text(); }}});
  if (part.model.model.place.empty()) value.refuse("has no model");
  if (part.model_part.empty()) value.refuse("has no part");
  return part;
}

}  // namespace garage
