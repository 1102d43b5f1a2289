#include "settings_reader.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/nearest.hpp>

#include "../methods/merge_method.hpp"

namespace garage {
namespace {

// How mergekit is to keep the signs that it compares: no number depends on it.
constexpr std::string_view kSignsInBytes = "int8_mask";

}  // namespace

Settings SettingsReader::operator()(const YamlReader& value, bool is_of_one_model) const {
  Settings settings;
  value.each_pair([&](const std::string& name, const YamlReader& v) {
    if (v.is_empty()) v.refuse("has no value");
    auto setting = read_setting(v);
    if (name == kSignsInBytes) {
      notes_.push_back(v.where() + " is passed over: it changes no number");
      return;
    }
    require_known(name, v, is_of_one_model);
    settings.emplace(name, std::move(setting));
  });
  return settings;
}

void SettingsReader::require_known(const std::string& name, const YamlReader& value, bool is_of_one_model) const {
  const auto known = method_.parameters();
  const auto parameter = std::find_if(known.begin(), known.end(), [&](const auto& p) { return p.name == name; });
  if (parameter == known.end()) {
    std::vector<std::string> names;
    for (const auto& p : known) names.emplace_back(p.name);
    value.refuse(fmt::format("is no parameter of {}{}", method_.name(), did_you_mean(name, names)));
  }
  if (is_of_one_model && !parameter->is_per_model)
    notes_.push_back(
        fmt::format("{} has no effect: it is one for all models and stands below the recipe's or a slice's "
                    "'parameters'",
                    value.where()));
}

}  // namespace garage
