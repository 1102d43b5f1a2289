#include "task_parameters.hpp"

#include <string>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

bool is_within(double value, const Bounds& bounds) { return value >= bounds.low && value <= bounds.high; }

}  // namespace

void TaskParameters::refuse(std::string_view reason) const {
  throw Error(Errc::kInvalidArgument, fmt::format("tensor '{}': {}: {}", task_.tensor, method_.name(), reason));
}

std::size_t TaskParameters::place(std::string_view name, bool is_per_model) const {
  std::size_t place = 0;
  for (const auto& parameter : method_.parameters()) {
    if (parameter.is_per_model != is_per_model) continue;
    if (parameter.name == name) return place;
    ++place;
  }
  throw Error(Errc::kInternal, fmt::format("merge method '{}' has no parameter '{}'", method_.name(), name));
}

double TaskParameters::shared(std::string_view name, const Bounds& bounds) const {
  const auto at = place(name, false);
  if (at >= task_.parameters.size()) refuse(fmt::format("'{}' is missing", name));
  const auto value = task_.parameters[at];
  if (!is_within(value, bounds)) refuse(fmt::format("'{}' is {}, it has to be {}", name, value, bounds.words));
  return value;
}

bool TaskParameters::flag(std::string_view name) const {
  const auto value = shared(name);
  if (value != 0 && value != 1) refuse(fmt::format("'{}' is {}, it has to be true or false", name, value));
  return value == 1;
}

double TaskParameters::of(std::size_t model, std::string_view name, const Bounds& bounds) const {
  const auto at = place(name, true);
  const auto& said = task_.models[model];
  if (at >= said.size() || !said[at]) refuse(fmt::format("'{}' of model {} is missing", name, model + 1));
  if (!is_within(*said[at], bounds))
    refuse(fmt::format("'{}' of model {} is {}, it has to be {}", name, model + 1, *said[at], bounds.words));
  return *said[at];
}

}  // namespace garage
