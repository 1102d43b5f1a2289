#include "placed_parts.hpp"

#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/name_ranges.hpp>
#include <garage/nearest.hpp>

namespace garage {
namespace {

void require_part(const ModelSpec& spec, const std::string& part, const std::string& whose, const std::string& where) {
  if (spec.parts.find(part)) return;
  std::vector<std::string> names;
  for (const auto& [name, unused] : spec.parts) names.push_back(name);
  throw Error(Errc::kNotFound, fmt::format("{}: {} has no part '{}'{}", where, whose, part, did_you_mean(part, names)));
}

}  // namespace

PlacedPart place_part(const ModelSpec& result, const RecipePart& wanted, const MergeSources& sources,
                      std::size_t source) {
  const auto& from = sources[source];
  require_part(result, wanted.part, "the result", wanted.where);
  require_part(from.spec, wanted.model_part, from.name, wanted.where);
  PlacedPart placed{wanted.where, source, {}, {wanted.part}};
  pair_parts(result, wanted.part, from.spec, wanted.model_part, placed.pairs);
  return placed;
}

void PlacedParts::add(PlacedPart placed) {
  for (const auto& [part, other] : placed.pairs) by_part_[part] = all_.size();
  all_.push_back(std::move(placed));
}

const PlacedPart* PlacedParts::find(const TensorInfo& tensor, const std::vector<RoleOfTensor>& roles) const {
  const auto first = by_part_.find(*roles.front().part);
  if (first == by_part_.end()) return nullptr;
  for (const auto& role : roles)
    if (const auto other = by_part_.find(*role.part); other == by_part_.end() || other->second != first->second)
      throw Error(Errc::kUnsupported, fmt::format("{}: tensor '{}' holds numbers of {}, too, which is not replaced",
                                                  all_[first->second].where, tensor.name, *role.part));
  return &all_[first->second];
}

void PlacedParts::check(SeamCheck& check, const MergeSources& sources) const {
  for (const auto& placed : all_)
    if (placed.source)
      for (const auto& part : placed.heads) check.check(part, sources[*placed.source], placed.pairs.at(part));
}

std::vector<std::string> PlacedParts::lines(const MergeSources& sources) const {
  std::vector<std::string> lines;
  for (const auto& placed : all_) {
    std::vector<std::string> others;
    for (const auto& part : placed.heads) others.push_back(placed.pairs.at(part));
    lines.push_back(fmt::format(
        "{}: {}", name_ranges(placed.heads),
        placed.source ? fmt::format("{}: {}", sources[*placed.source].name, name_ranges(others)) : "random numbers"));
  }
  return lines;
}

}  // namespace garage
