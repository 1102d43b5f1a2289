#include "setting.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "flag_word.hpp"

namespace garage {
namespace {

constexpr std::string_view kEveryTensor = "*";

// YAML 1.1 takes 010 for 8.
bool looks_octal(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return text.size() > 1 && text.find_first_not_of("0123456789") == text.npos && text.front() == '0';
}

double read_number(const YamlReader& value) {
  if (value.is_empty() || value.is_mapping() || value.is_list()) value.refuse("should be a number, true or false");
  const auto text = value.text();
  if (const auto flag = flag_from(text)) return *flag;
  if (looks_octal(text)) value.refuse(fmt::format("is {}, which some read as octal: leave the leading 0 away", text));
  const double number = value.number();
  if (std::abs(number) > std::numeric_limits<float>::max())
    value.refuse(fmt::format("is {}, which is beyond float32", text));
  return number;
}

std::vector<double> read_gradient(const YamlReader& value) {
  if (!value.is_list()) return {read_number(value)};
  std::vector<double> gradient;
  value.each([&](const YamlReader& item) { gradient.push_back(read_number(item)); });
  if (gradient.empty()) value.refuse("is an empty list, should have at least one number");
  return gradient;
}

ConditionalValue read_condition(const YamlReader& value) {
  ConditionalValue condition;
  value.keys({{"filter",
               [&](const YamlReader& v) {
                 if (!v.is_empty() && v.text() != kEveryTensor) condition.filter = v.text();
               }},
              {"value", [&](const YamlReader& v) { condition.gradient = read_gradient(v); }}});
  if (condition.gradient.empty()) value.refuse("has no value");
  return condition;
}

Setting read_conditions(const YamlReader& value) {
  Setting setting;
  value.each([&](const YamlReader& item) {
    if (!item.is_mapping()) item.refuse("stands between conditions, should be {filter: TEXT, value: NUMBER}");
    setting.conditions.push_back(read_condition(item));
  });
  return setting;
}

bool begins_with_condition(const YamlReader& value) {
  std::optional<bool> is_mapping;
  value.each([&](const YamlReader& item) { is_mapping = is_mapping.value_or(item.is_mapping()); });
  return is_mapping.value_or(false);
}

// At t of the way along lines between numbers at even distances.
double interpolate(const std::vector<double>& gradient, double t) {
  const auto last = gradient.size() - 1;
  const double at = t * static_cast<double>(last);
  const auto below = std::min(static_cast<std::size_t>(at), last);
  const double fraction = at - static_cast<double>(below);
  return (1 - fraction) * gradient[below] + fraction * gradient[std::min(below + 1, last)];
}

}  // namespace

std::optional<double> value_at(const Setting& setting, std::string_view tensor, double t) {
  for (const auto& condition : setting.conditions)
    if (!condition.filter || tensor.find(*condition.filter) != tensor.npos) return interpolate(condition.gradient, t);
  return std::nullopt;
}

Setting read_setting(const YamlReader& value) {
  if (value.is_mapping()) return {{read_condition(value)}};
  if (value.is_list() && begins_with_condition(value)) return read_conditions(value);
  return {{{std::nullopt, read_gradient(value)}}};
}

}  // namespace garage
