#include "spec_rules.hpp"

#include <set>
#include <string_view>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../blueprint/blueprint_rules.hpp"
#include "part_rules.hpp"
#include "part_tree.hpp"

namespace garage {
namespace {

[[noreturn]] void fail(const std::string& fault) { throw Error(Errc::kInternal, fault); }

void require_numbers(const ModelSpec& spec) {
  const auto not_negative = [](const char* field, std::int64_t value) {
    if (value < 0) fail(fmt::format("'{}' is {}, should be 0 or more", field, value));
  };
  not_negative("hidden_dim", spec.hidden_dim);
  not_negative("num_layers", spec.num_layers);
  not_negative("num_heads", spec.num_heads);
  not_negative("vocab_size", spec.vocab_size);
  not_negative("max_seq_len", spec.max_seq_len);
  not_negative("parameters", spec.parameters);
}

// The seed's specs have no blueprints, all others have one for every part.
void require_blueprints(const ModelSpec& spec, bool may_have_none) {
  const std::string* bare = nullptr;
  bool has_any = !may_have_none;
  for (const auto& [name, part] : spec.parts)
    if (part.blueprint) has_any = true;
    else if (!bare) bare = &name;
  if (bare && has_any) fail(fmt::format("part '{}': it has no blueprint", *bare));
}

// Before anything that goes by what is in them.
void require_blueprint_rules(const ModelSpec& spec) {
  for (const auto& [name, part] : spec.parts) {
    if (!part.blueprint) continue;
    if (const auto fault = blueprint_fault(*part.blueprint))
      fail(fmt::format("part '{}': its blueprint {}", name, *fault));
  }
}

// Each as often as a stack runs through it: ALBERT's one layer is many.
std::int64_t count_layers(const ModelSpec& spec) {
  std::int64_t layers = 0;
  const auto is_layer = [](const PartSpec& part) { return part.part_type == part_type::kFullLayer; };
  for (const auto& [name, part] : spec.parts) {
    layers += is_layer(part);
    const auto* stack = part.blueprint ? std::get_if<Stack>(&*part.blueprint) : nullptr;
    if (!stack) continue;
    std::set<std::string_view> seen;
    for (const auto& step : stack->parts)
      layers += is_layer(*spec.parts.find(step.part)) && !seen.insert(step.part).second;
  }
  return layers;
}

}  // namespace

void require_consistent(const ModelSpec& spec) {
  require_numbers(spec);
  require_blueprints(spec, /*may_have_none=*/true);
  require_blueprint_rules(spec);
  require_part_tree(spec);
  std::int64_t parameters = 0;  // those of parts within parts once more with each
  for (const auto& [name, part] : spec.parts) {
    require_part_rules(spec, name, part);
    if (__builtin_add_overflow(parameters, part.parameters, &parameters))
      fail(fmt::format("part '{}': its {} parameters and those before are more than 64 bits count", name,
                       part.parameters));
  }
}

void require_complete(const ModelSpec& spec) {
  if (spec.family.empty()) fail("the spec has no family");
  require_blueprints(spec, /*may_have_none=*/false);
  if (const auto layers = count_layers(spec); layers != spec.num_layers)
    fail(fmt::format("the spec says num_layers {} and has {} full_layer parts", spec.num_layers, layers));
}

}  // namespace garage
