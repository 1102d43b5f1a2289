#include <garage/compare.hpp>
#include <garage/name_ranges.hpp>

#include <algorithm>

#include "swap.hpp"

namespace garage {
namespace {

// Every key of either, with what each has under it.
template <class Map, class Text>
void add_differences(const Map& a, const Map& b, Text text, std::vector<SwapReason>& reasons) {
  const auto value = [&](const Map& map, const std::string& key) {
    const auto found = map.find(key);
    return found == map.end() ? std::string("-") : text(found->second);
  };
  std::vector<std::string> keys;
  for (const auto* map : {&a, &b})
    for (const auto& [key, unused] : *map) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  for (const auto& key : keys)
    if (auto in_a = value(a, key), in_b = value(b, key); in_a != in_b)
      reasons.push_back({key, std::move(in_a), std::move(in_b)});
}

void add_dimension(const char* field, std::int64_t a, std::int64_t b, std::vector<SwapReason>& reasons) {
  if (a != b) reasons.push_back({field, std::to_string(a), std::to_string(b)});
}

// The parts of a of that type that some part of b may stand for.
std::vector<std::string> replaceable(const std::vector<PartKind>& a, const std::vector<PartKind>& b, const char* type) {
  std::vector<std::string> names;
  for (const auto& kind : a) {
    const auto fits = [&](const PartKind& other) {
      return other.part_type == type && other.input_dim == kind.input_dim && other.output_dim == kind.output_dim;
    };
    if (kind.part_type == type && std::any_of(b.begin(), b.end(), fits))
      names.insert(names.end(), kind.members.begin(), kind.members.end());
  }
  return names.empty() ? names : std::vector<std::string>{name_ranges(names)};
}

// Which of its attentions look both ways, or at an encoder's output: weights that learned the one are none for the
// other.
std::map<std::string, std::string> sight(const PartKind& kind) {
  std::map<std::string, std::string> found;
  for (const auto& [field, value] : kind.fields)
    if (field.ends_with("mask.causal") || field.ends_with("from_memory")) found[field] = value;
  return found;
}

}  // namespace

Swap swap_of(const PartKind& a, const PartKind& b) {
  Swap swap{a.part_type, name_ranges(a.members), name_ranges(b.members), SwapLevel::none, {}};
  add_dimension("input_dim", a.input_dim, b.input_dim, swap.reasons);
  add_dimension("output_dim", a.output_dim, b.output_dim, swap.reasons);
  if (!swap.reasons.empty()) return swap;
  add_differences(a.tensors, b.tensors, shape_text, swap.reasons);
  const bool same_sight = sight(a) == sight(b);
  swap.level = swap.reasons.empty() && same_sight ? SwapLevel::weights : SwapLevel::drop_in;
  add_differences(
      a.fields, b.fields, [](const std::string& text) { return text; }, swap.reasons);
  if (swap.reasons.empty()) swap.level = SwapLevel::identical;
  return swap;
}

Comparison compare(const ModelSpec& a, const ModelSpec& b) {
  Comparison result;
  result.models = {a.model_id, b.model_id};
  result.families = {a.family, b.family};
  result.hidden_dims = {a.hidden_dim, b.hidden_dim};
  result.num_layers = {a.num_layers, b.num_layers};
  result.num_heads = {a.num_heads, b.num_heads};
  result.vocab_sizes = {a.vocab_size, b.vocab_size};
  const auto kinds_a = part_kinds(a), kinds_b = part_kinds(b);
  auto& compatible = result.compatible_parts;
  if (a.hidden_dim == b.hidden_dim) compatible.same_dim = {"All parts potentially swappable"};
  compatible.attention_compatible = replaceable(kinds_a, kinds_b, part_type::kAttention);
  compatible.ffn_compatible = replaceable(kinds_a, kinds_b, part_type::kFfn);
  for (const auto& kind : kinds_a)
    for (const auto& other : kinds_b)
      if (kind.part_type == other.part_type) result.swaps.push_back(swap_of(kind, other));
  return result;
}

std::vector<std::pair<std::string, SwapLevel>> levels_by_type(const Comparison& comparison) {
  std::vector<std::pair<std::string, SwapLevel>> levels;
  for (const auto& swap : comparison.swaps) {
    const auto known =
        std::find_if(levels.begin(), levels.end(), [&](const auto& level) { return level.first == swap.part_type; });
    if (known == levels.end()) levels.emplace_back(swap.part_type, swap.level);
    else known->second = std::max(known->second, swap.level);
  }
  return levels;
}

}  // namespace garage
