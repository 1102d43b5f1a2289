#include "base_names.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <garage/nearest.hpp>

namespace garage {
namespace {

constexpr std::size_t kMostCompared = 20'000;  // names, for a hint

// "model." of "model.norm.weight".
std::string_view first_piece(std::string_view name) { return name.substr(0, name.find('.') + 1); }

}  // namespace

BaseNames::BaseNames(const std::vector<Contents::Tensor>& tensors) {
  places_.reserve(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) places_.emplace(tensors[i].info.name, i);
}

const std::size_t* BaseNames::find(std::string_view name) const {
  const auto found = places_.find(name);
  return found == places_.end() ? nullptr : &found->second;
}

std::string BaseNames::settle(const std::vector<std::string>& names) {
  left_out_.clear();
  added_.clear();
  const auto missing = std::find_if(names.begin(), names.end(), [&](const auto& name) { return !find(name); });
  if (missing == names.end()) return "";
  left_out_ = first_piece(*missing);
  if (!left_out_.empty() && !begins_with_piece(left_out_) && has_all(names))
    return fmt::format("its names begin with '{}', the model's do not", left_out_);
  left_out_.clear();
  std::set<std::string_view> pieces, fitting;
  for (const auto& [name, place] : places_) pieces.insert(first_piece(name));
  for (const auto piece : pieces) {
    added_ = piece;
    if (!piece.empty() && has_all(names)) fitting.insert(piece);
  }
  added_ = fitting.size() == 1 ? *fitting.begin() : "";
  return added_.empty() ? "" : fmt::format("the model's names begin with '{}', its own do not", added_);
}

std::string BaseNames::spelling(std::string_view name) const {
  if (!left_out_.empty() && name.starts_with(left_out_)) return std::string(name.substr(left_out_.size()));
  if (!added_.empty() && !find(name)) return added_ + std::string(name);
  return std::string(name);
}

std::string BaseNames::hint(std::string_view name) const {
  std::vector<std::string> some;
  for (const auto& [own, place] : places_) {
    if (some.size() == kMostCompared) break;
    some.emplace_back(own);
  }
  std::sort(some.begin(), some.end());
  return did_you_mean(name, some);
}

bool BaseNames::has_all(const std::vector<std::string>& names) const {
  return std::all_of(names.begin(), names.end(), [&](const auto& name) { return find(spelling(name)); });
}

bool BaseNames::begins_with_piece(std::string_view piece) const {
  return std::any_of(places_.begin(), places_.end(), [&](const auto& place) { return place.first.starts_with(piece); });
}

}  // namespace garage
