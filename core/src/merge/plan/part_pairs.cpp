#include "part_pairs.hpp"

#include <utility>
#include <vector>

#include <garage/blueprint/walk.hpp>

namespace garage {
namespace {

struct Held : BlueprintVisitor {
  std::map<std::string, std::string> parts;  // by their place in the blueprint

  void part(const BlueprintPath& at, const std::string& name, PartRole role) {
    if (is_held(role)) parts[at.text()] = name;
  }
};

std::map<std::string, std::string> held_by(const PartSpec& part) {
  Held held;
  if (part.blueprint) walk(*part.blueprint, held);
  return std::move(held.parts);
}

const Stack* root_stack(const ModelSpec& spec) {
  const auto* root = spec.parts.find(spec.root);
  return root && root->blueprint ? std::get_if<Stack>(&*root->blueprint) : nullptr;
}

// The parts of a stack that are no layers, in two lists: up to its last layer, and behind it.
struct Around {
  std::vector<std::string> before, behind;
};

Around around_layers(const ModelSpec& spec, const Stack& stack) {
  Around around;
  for (const auto& [part] : stack.parts) {
    if (!layer_number(spec, part)) {
      around.behind.push_back(part);
      continue;
    }
    around.before.insert(around.before.end(), around.behind.begin(), around.behind.end());
    around.behind.clear();
  }
  return around;
}

void pair_lists(const ModelSpec& result, const std::vector<std::string>& parts, const ModelSpec& source,
                const std::vector<std::string>& others, PartPairs& pairs) {
  for (std::size_t i = 0; i < std::min(parts.size(), others.size()); ++i)
    pair_parts(result, parts[i], source, others[i], pairs);
}

std::vector<std::string> names_of(const std::vector<PartRef<PartRole::embedding>>& refs) {
  std::vector<std::string> names;
  for (const auto& ref : refs) names.push_back(ref.part);
  return names;
}

}  // namespace

std::optional<std::int64_t> layer_number(const ModelSpec& spec, const std::string& part) {
  const auto* found = spec.parts.find(part);
  if (!found || !found->layer_idx || part != part_name("layer", *found->layer_idx)) return std::nullopt;
  return found->layer_idx;
}

bool has_one_stack(const ModelSpec& spec) {
  const auto* stack = root_stack(spec);
  if (!stack) return false;
  std::int64_t layers = 0;
  for (const auto& [part] : stack->parts)
    if (layer_number(spec, part)) ++layers;
  return layers > 0 && layers == spec.num_layers;
}

void pair_parts(const ModelSpec& result, const std::string& part, const ModelSpec& source, const std::string& other,
                PartPairs& pairs) {
  const auto* a = result.parts.find(part);
  const auto* b = source.parts.find(other);
  if (!a || !b || !pairs.emplace(part, other).second) return;
  const auto others = held_by(*b);
  for (const auto& [place, child] : held_by(*a))
    if (const auto there = others.find(place); there != others.end())
      pair_parts(result, child, source, there->second, pairs);
}

void pair_models(const ModelSpec& result, const ModelSpec& source,
                 const std::function<std::optional<std::int64_t>(std::int64_t)>& layer_of, PartPairs& pairs) {
  const auto* stack = root_stack(result);
  const auto* other = root_stack(source);
  if (stack && other && has_one_stack(result) && has_one_stack(source)) {
    pairs.emplace(result.root, source.root);
    pair_lists(result, names_of(stack->embeddings), source, names_of(other->embeddings), pairs);
    const auto a = around_layers(result, *stack), b = around_layers(source, *other);
    pair_lists(result, a.before, source, b.before, pairs);
    pair_lists(result, a.behind, source, b.behind, pairs);
    for (std::int64_t layer = 0; layer < result.num_layers; ++layer)
      if (const auto there = layer_of(layer))
        pair_parts(result, part_name("layer", layer), source, part_name("layer", *there), pairs);
  } else if (!result.root.empty() && !source.root.empty()) {
    pair_parts(result, result.root, source, source.root, pairs);
  }
  for (const auto& [name, part] : result.parts)
    if (!part.layer_idx && !pairs.contains(name)) pair_parts(result, name, source, name, pairs);
}

}  // namespace garage
