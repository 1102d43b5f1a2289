#include "result_tensors.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/name_pattern.hpp>
#include <garage/tensor_roles.hpp>

#include "layer_names.hpp"
#include "part_pairs.hpp"

namespace garage {
namespace {

// Which layer of the main stack has a tensor. Those of other stacks have their stack's name before theirs.
std::map<std::string, std::int64_t> layers_of_tensors(const ModelSpec& spec) {
  std::map<std::string, std::int64_t> layers;
  if (!has_one_stack(spec)) return layers;
  for (const auto& [name, part] : spec.parts) {
    if (!part.layer_idx || name.find('.') != name.npos) continue;
    for (const auto& role : tensor_roles(part))
      if (!role.is_shared()) layers[role.ref->tensor] = *part.layer_idx;
  }
  return layers;
}

bool is_ignored(const ModelSpec& spec, const std::string& tensor) {
  return std::any_of(spec.ignored.begin(), spec.ignored.end(),
                     [&](const auto& row) { return fits_pattern(row.tensors, tensor); });
}

std::string renamed(const MergeSource& base, const std::string& tensor, std::int64_t from, std::int64_t to) {
  if (auto name = renumbered(tensor, from, to)) return *name;
  throw Error(Errc::kUnsupported, fmt::format("{}: tensor '{}' is of layer {}, which its name does not say, so that it "
                                              "cannot be another layer's",
                                              base.name, tensor, from));
}

}  // namespace

ResultTensors tensors_of_layers(const MergeSource& base, const std::vector<std::int64_t>& layers) {
  ResultTensors result;
  const auto layer_of = layers_of_tensors(base.spec);
  std::map<std::int64_t, std::vector<const TensorInfo*>> of_layer;
  const auto add = [&](const TensorInfo& pattern, std::string name) {
    result.patterns[name] = pattern.name;
    result.tensors.push_back({std::move(name), pattern.dtype, pattern.shape});
  };
  for (const auto& tensor : base.located.model.tensors()) {
    if (is_ignored(base.spec, tensor.name)) continue;
    if (const auto layer = layer_of.find(tensor.name); layer != layer_of.end())
      of_layer[layer->second].push_back(&tensor);
    else add(tensor, tensor.name);
  }
  if (!of_layer.empty())
    for (std::size_t i = 0; i < layers.size(); ++i)
      for (const auto* tensor : of_layer[layers[i]])
        add(*tensor, renamed(base, tensor->name, layers[i], static_cast<std::int64_t>(i)));
  for (const auto& row : base.spec.ignored)
    result.notes.push_back(
        fmt::format("{} tensors '{}' of {} are left out: {}", row.count, row.tensors, base.name, row.why));
  return result;
}

}  // namespace garage
