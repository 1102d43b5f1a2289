#include "layer_slabs.hpp"

#include <algorithm>
#include <optional>

#include <garage/error.hpp>
#include <garage/tensor_roles.hpp>

#include "layer_config.hpp"
#include "result_tensors.hpp"

namespace garage {
namespace {

bool says_layers(const ModelSpec& spec, const PartSpec& part) {
  const auto* custom = part.blueprint && !part.layer_idx ? std::get_if<Custom>(&*part.blueprint) : nullptr;
  const auto* layers = custom ? custom->attributes.if_contains("layers") : nullptr;
  return layers && layers->is_int64() && layers->get_int64() == spec.num_layers;
}

std::optional<ModelSpec> with_one_more_layer(const PluginHost& plugins, const MergeSource& base) {
  const auto& model = base.located.model;
  std::vector<std::int64_t> patterns;
  std::vector<ConfigLayer> layers;
  for (std::int64_t i = 0; i <= base.spec.num_layers; ++i) {
    patterns.push_back(std::min(i, base.spec.num_layers - 1));
    layers.push_back({&model.config(), &base.spec, patterns.back()});
  }
  try {
    const Model larger(tensors_of_layers(base, patterns).tensors, config_of_layers(model.config(), base.spec, layers));
    return plugins.choose(larger, base.name, base.spec.decomposer.plugin).decomposer->decompose(larger);
  } catch (const Error&) {
    return std::nullopt;  // then nothing is known of shares, and the result's shapes are held to the plugin's word
  }
}

std::optional<std::size_t> grown(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& larger,
                                 std::int64_t layers) {
  if (shape.size() != larger.size()) return std::nullopt;
  for (std::size_t dim = 0; dim < shape.size(); ++dim)
    if (shape[dim] % layers == 0 && larger[dim] == shape[dim] / layers * (layers + 1)) return dim;
  return std::nullopt;
}

}  // namespace

std::map<std::string, std::size_t> layer_slabs(const PluginHost& plugins, const MergeSource& base) {
  std::map<std::string, std::size_t> slabs;
  const auto& parts = base.spec.parts;
  if (base.is_raw ||
      std::none_of(parts.begin(), parts.end(), [&](const auto& part) { return says_layers(base.spec, part.second); }))
    return slabs;
  const auto larger = with_one_more_layer(plugins, base);
  if (!larger) return slabs;
  for (const auto& [name, part] : parts) {
    const auto* other = says_layers(base.spec, part) ? larger->parts.find(name) : nullptr;
    if (!other) continue;
    const auto roles = tensor_roles(part), larger_roles = tensor_roles(*other);
    for (const auto& role : roles)
      for (const auto& now : larger_roles)
        if (now.role == role.role && role.ref->view.empty())
          if (const auto dim = grown(role.shape, now.shape, base.spec.num_layers)) slabs[role.ref->tensor] = *dim;
  }
  return slabs;
}

}  // namespace garage
