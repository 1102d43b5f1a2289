#include "in_turn.hpp"

#include <utility>

#include <garage/blueprint/walk.hpp>
#include <garage/children.hpp>
#include <garage/error.hpp>
#include <garage/nn/get_module.hpp>

namespace garage::nn {
namespace {

const ModuleOptions kHow{torch::kCPU, torch::kFloat32};

struct Sources : BlueprintVisitor {
  std::set<std::string> names;
  void part(const BlueprintPath&, const std::string& name, PartRole role) {
    if (role == PartRole::source) names.insert(name);
  }
};

bool lies_in(const ModelSpec& spec, const std::string& part, const std::string& within) {
  if (part == within) return true;
  for (const auto& child : children_of(*spec.parts.find(within)))
    if (lies_in(spec, part, child)) return true;
  return false;
}

}  // namespace

InTurn::InTurn(const ModelRegistry& registry, std::string id, const torch::Tensor& ids)
    : registry_(registry), id_(std::move(id)), spec_(registry.require_spec(id_)) {
  Sources sources;
  for (const auto& [name, part] : spec_->parts)
    if (part.blueprint) walk(*part.blueprint, sources);
  sources_ = std::move(sources.names);
  try {
    if (ids.defined()) run_before_layers(ids);
  } catch (const Error&) {}  // whoever needs what it would have shown says so
}

// A plugin's own code between the embedding and the layers may show them what follows from the tokens.
void InTurn::run_before_layers(const torch::Tensor& ids) {
  const auto* root = spec_->parts.find(spec_->root);
  const auto* stack = root && root->blueprint ? std::get_if<Stack>(&*root->blueprint) : nullptr;
  if (!stack || stack->embeddings.size() != 1) return;
  torch::Tensor x;
  for (const auto& step : stack->parts) {
    const auto& part = *spec_->parts.find(step.part);
    if (part.part_type == part_type::kFullLayer || !std::holds_alternative<Custom>(*part.blueprint)) return;
    if (!x.defined()) x = get_module(registry_, id_, stack->embeddings.front().part, kHow)->forward(ids);
    x = get_module(registry_, id_, step.part, kHow)->forward(x, {.input_ids = ids, .state = &shown_});
  }
}

torch::Tensor InTurn::forward(const std::string& part, const torch::Tensor& input, Sequence sequence) {
  auto state = shown_;
  for (const auto& [source, before] : before_)
    if (lies_in(*spec_, source, part)) {
      state = before;
      break;
    }
  sequence.state = &state;
  auto output = get_module(registry_, id_, part, kHow)->forward(input, sequence);
  if (sources_.contains(part)) {
    before_[part] = shown_;
    shown_ = std::move(state);
  }
  return output;
}

}  // namespace garage::nn
