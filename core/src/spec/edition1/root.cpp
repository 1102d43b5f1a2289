#include "root.hpp"

#include <algorithm>

#include "../../blueprint/blueprint_ops.hpp"

namespace garage::edition1 {
namespace {

using Assembly = std::vector<std::string>;

// A model's parts one after another. Embeddings were added up wherever they stood; of a plugin's own parts those that
// are embeddings by name and lead the assembly were, as far as its file says.
Stack stack_of(const Assembly& assembly, const ModelSpec& spec) {
  Stack stack{.hidden = spec.hidden_dim};
  for (const auto& name : assembly) {
    const auto& part = *spec.parts.find(name);
    const bool leads = stack.parts.empty() && part.part_type == part_type::kEmbedding;
    if (std::holds_alternative<Embedding>(*part.blueprint) ||
        (leads && std::holds_alternative<Custom>(*part.blueprint)))
      stack.embeddings.emplace_back(name);
    else stack.parts.emplace_back(name);
  }
  return stack;
}

// Parts of no blueprint make no stack, and neither does an attention, a mixture or a rope that stands among others in
// the assembly: no decomposer of edition 1 wrote one, and a stack has no words for it. Such a spec keeps its parts,
// each of which is as it was; only that nobody says what the whole is.
bool may_be_root(const Assembly& assembly, const ModelSpec& spec) {
  return std::all_of(assembly.begin(), assembly.end(), [&](const std::string& name) {
    const auto& blueprint = spec.parts.find(name)->blueprint;
    if (!blueprint || assembly.size() == 1) return blueprint.has_value();
    return may_stand_as(*blueprint, PartRole::embedding) || may_stand_as(*blueprint, PartRole::step);
  });
}

void add_stack(ModelSpec& spec, const Assembly& assembly) {
  PartSpec root;
  auto stack = stack_of(assembly, spec);
  root.part_type = part_type::kStack;
  root.input_dim = stack.embeddings.empty() ? stack.hidden : spec.parts.find(stack.embeddings.front().part)->input_dim;
  root.output_dim = stack.parts.empty() ? stack.hidden : spec.parts.find(stack.parts.back().part)->output_dim;
  for (const auto& name : assembly)  // a sum that 64 bits do not count is refused with the sum of all
    if (__builtin_add_overflow(root.parameters, spec.parts.find(name)->parameters, &root.parameters)) break;
  root.blueprint = std::move(stack);
  spec.root = "model";
  while (spec.parts.find(spec.root)) spec.root += '_';
  spec.parts.add(spec.root, std::move(root));
}

}  // namespace

void add_root(ModelSpec& spec, const Assembly& assembly) {
  if (assembly.empty() || !may_be_root(assembly, spec)) return;
  if (assembly.size() == 1) spec.root = assembly.front();
  else add_stack(spec, assembly);
}

}  // namespace garage::edition1
