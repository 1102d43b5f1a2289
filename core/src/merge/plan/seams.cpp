#include "seams.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/blueprint/walk.hpp>
#include <garage/error.hpp>
#include <garage/name_ranges.hpp>
#include <garage/part_kinds.hpp>
#include <garage/tensor_roles.hpp>

#include "../../blueprint/blueprint_ops.hpp"
#include "../../compare/layer_labels.hpp"
#include "../../compare/swap.hpp"

namespace garage {
namespace {

bool ends_with_words(const std::string& field, const std::string& words) {
  return field == words || field.ends_with("." + words);
}

// Parts of which another part in the same model has something of its own: whose keys an attention looks at.
struct Sources : BlueprintVisitor {
  std::map<std::string, std::string> parts;  // by place

  void part(const BlueprintPath& at, const std::string& name, PartRole role) {
    if (role == PartRole::source) parts[at.text()] = name;
  }
};

std::map<std::string, std::string> sources_of(const ModelSpec& spec, const std::string& part) {
  Sources sources;
  if (const auto* found = spec.parts.find(part); found && found->blueprint) walk(*found->blueprint, sources);
  return std::move(sources.parts);
}

// A layer's parts by the labels that its kind has for them.
std::map<std::string, std::string> labels_of(const ModelSpec& spec, const std::string& part) {
  std::map<std::string, std::string> labels;
  const auto* found = spec.parts.find(part);
  const auto* layer = found->blueprint ? std::get_if<Layer>(&*found->blueprint) : nullptr;
  if (!layer) return labels;
  const LayerLabels known(spec, *layer);
  for (const auto& each : known.parts()) labels.emplace(each.label, each.name);
  return labels;
}

void erase_part(const std::string& label, const PartKind& part, PartKind& layer) {
  for (const auto& [field, unused] : part.fields) layer.fields.erase(label + "." + field);
  for (const auto& [tensor, unused] : part.tensors) layer.tensors.erase(label + "." + tensor);
}

std::string text_of_reason(const SwapReason& reason) {
  return fmt::format("{} is {} there, {} in the result", reason.field, reason.b, reason.a);
}

}  // namespace

SeamCheck::SeamCheck(const Result& result, std::vector<std::string> allow, std::set<std::string> apart)
    : result_(result), allow_(std::move(allow)), apart_(std::move(apart)) {}

void SeamCheck::check(const MergeSource& source, const PartPairs& pairs) {
  for (const auto& [part, other] : pairs) {
    const bool is_layer = layer_number(result_.spec, part).has_value();
    if (!is_layer && (result_.spec.parts.find(part)->layer_idx || is_whole_model(result_.spec, part))) continue;
    check(part, source, other);
  }
}

void SeamCheck::check(const std::string& part, const MergeSource& source, const std::string& source_part) {
  const bool is_known = std::any_of(seams_.begin(), seams_.end(), [&](const Seam& seam) {
    return seam.part == part && seam.source == source.name && seam.source_part == source_part;
  });
  if (is_known) return;
  if (auto reasons = reasons_of(part, source, source_part); !reasons.empty())
    seams_.push_back({part, source.name, source_part, std::move(reasons)});
}

void SeamCheck::check_shown(const MergeSource& source, const PartPairs& pairs) {
  for (const auto& [part, other] : pairs) {
    const auto now = sources_of(result_.spec, part);
    if (now.empty()) continue;
    const auto before = sources_of(source.spec, other);
    for (const auto& [place, shown_by] : now) {
      const auto was = before.find(place);
      const auto paired = pairs.find(shown_by);
      if (was != before.end() && (paired == pairs.end() || paired->second != was->second))
        seams_.push_back({part, source.name, other, {{place, shown_by, was->second}}});
    }
  }
}

std::vector<SwapReason> SeamCheck::reasons_of(const std::string& part, const MergeSource& source,
                                              const std::string& source_part) {
  const auto& own = kinds_of(result_.spec);
  const auto& others = kinds_of(source.spec);
  const auto a = own.find(part);
  const auto b = others.find(source_part);
  if (a == own.end() || b == others.end()) return {};
  auto mine = a->second, theirs = b->second;
  leave_apart(part, source, source_part, mine, theirs);
  auto reasons = swap_of(mine, theirs).reasons;
  std::erase_if(reasons, [&](const SwapReason& reason) { return is_of_no_account(part, reason); });
  return reasons;
}

// What a layer's kind says of a part that is apart stands below that part's label.
void SeamCheck::leave_apart(const std::string& layer, const MergeSource& source, const std::string& source_layer,
                            PartKind& own, PartKind& other) {
  const auto labels = labels_of(result_.spec, layer), others = labels_of(source.spec, source_layer);
  for (const auto& [label, part] : labels) {
    const auto there = others.find(label);
    if (!apart_.contains(part) || there == others.end()) continue;
    erase_part(label, kinds_of(result_.spec).at(part), own);
    erase_part(label, kinds_of(source.spec).at(there->second), other);
  }
}

bool SeamCheck::is_of_no_account(const std::string& part, const SwapReason& reason) const {
  // Which layer it is, of how many, and whether a later one looks at it, is the place and not the part.
  for (const auto* place : {"attributes.layer", "attributes.layers", "is_source"})
    if (ends_with_words(reason.field, place)) return true;
  // A part that is a rope has for "theta" what one with a rope has for "rope.theta".
  const auto* found = result_.spec.parts.find(part);
  const auto field = fmt::format("{}.{}", op_name(*found->blueprint), reason.field);
  if (std::any_of(allow_.begin(), allow_.end(), [&](const auto& words) { return ends_with_words(field, words); }))
    return true;
  // Tensors whose size follows from the plan: a row a token, a share a layer. Their numbers are gathered.
  if (found->layer_idx) return false;
  const auto roles = tensor_roles(*found);
  const bool is_gathered = std::any_of(roles.begin(), roles.end(), [&](const TensorRole& role) {
    return result_.slabs.contains(role.ref->tensor) || result_.vocabulary.contains(role.ref->tensor);
  });
  const bool is_size =
      reason.field == "input_dim" || reason.field == "output_dim" ||
      std::any_of(roles.begin(), roles.end(), [&](const auto& role) { return role.role == reason.field; });
  return is_gathered && is_size;
}

const std::map<std::string, PartKind>& SeamCheck::kinds_of(const ModelSpec& spec) {
  auto& kinds = kinds_[&spec];
  if (kinds.empty())
    for (const auto& kind : part_kinds(spec))
      for (const auto& member : kind.members) kinds.emplace(member, kind);
  return kinds;
}

void SeamCheck::require_all(const std::string& recipe) const {
  if (seams_.empty()) return;
  // Seams that are alike in one line.
  std::map<std::pair<std::string, std::string>, std::pair<std::vector<std::string>, std::vector<std::string>>> alike;
  std::set<std::string> fields;
  for (const auto& seam : seams_) {
    std::string reasons;
    for (const auto& reason : seam.reasons) {
      reasons += (reasons.empty() ? "" : ", ") + text_of_reason(reason);
      fields.insert(reason.field);
    }
    auto& [parts, others] = alike[{seam.source, reasons}];
    parts.push_back(seam.part);
    others.push_back(seam.source_part);
  }
  std::string lines;
  for (const auto& [from, parts] : alike)
    lines += fmt::format("{}{} ({} of {}): {}", lines.empty() ? "" : "; ", name_ranges(parts.first),
                         name_ranges(parts.second), from.first, from.second);
  throw Error(
      Errc::kInvalidArgument,
      fmt::format("{}: {} parts do not fit where the recipe puts them: {}. What may differ all the same is named "
                  "in the recipe, 'allow: [{}]'; the result then computes what its own config says",
                  recipe, seams_.size(), lines, fmt::join(fields, ", ")));
}

}  // namespace garage
