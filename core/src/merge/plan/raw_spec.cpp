#include "raw_spec.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "layer_names.hpp"

namespace garage {
namespace {

// What stands before the number of a layer: that under which most tensors lie, "model.layers.", where their numbers are
// 0, 1, 2, ...; else "".
std::string prefix_of_layers(const Model& model) {
  struct Found {
    std::int64_t tensors = 0;
    std::set<std::int64_t> numbers;
  };
  std::map<std::string, Found> prefixes;
  for (const auto& tensor : model.tensors()) {
    const auto number = first_number(tensor.name);
    if (!number) continue;
    auto& found = prefixes[tensor.name.substr(0, number->begin)];
    ++found.tensors;
    found.numbers.insert(number->number);
  }
  const auto most = std::max_element(prefixes.begin(), prefixes.end(),
                                     [](const auto& a, const auto& b) { return a.second.tensors < b.second.tensors; });
  if (most == prefixes.end()) return "";
  const auto& numbers = most->second.numbers;
  const bool is_gapless = *numbers.rbegin() + 1 == static_cast<std::int64_t>(numbers.size());
  return is_gapless ? most->first : "";
}

PartSpec part_of(std::string type, std::optional<std::int64_t> layer) {
  PartSpec part;
  part.part_type = std::move(type);
  part.layer_idx = layer;
  part.blueprint = Custom();
  return part;
}

void add(PartSpec& part, const std::string& role, const TensorInfo& tensor) {
  std::get<Custom>(*part.blueprint).tensors[role] = {{tensor.name, {}}, tensor.shape};
}

}  // namespace

ModelSpec raw_spec(const Model& model) {
  ModelSpec spec;
  spec.family = "unknown";
  spec.source = model.source;
  std::map<std::int64_t, PartSpec> layers;
  auto rest = part_of("rest", std::nullopt);
  const auto prefix = prefix_of_layers(model);
  for (const auto& tensor : model.tensors()) {
    const auto number = first_number(tensor.name);
    if (!number || prefix.empty() || tensor.name.substr(0, number->begin) != prefix) {
      add(rest, tensor.name, tensor);
      continue;
    }
    auto& layer = layers.try_emplace(number->number, part_of(part_type::kFullLayer, number->number)).first->second;
    add(layer, tensor.name.substr(0, number->begin) + "*" + tensor.name.substr(number->begin + number->size), tensor);
  }
  Stack stack;
  spec.num_layers = static_cast<std::int64_t>(layers.size());
  spec.parts.add(kRestOfRaw, std::move(rest));
  stack.parts.emplace_back(kRestOfRaw);
  for (auto& [number, layer] : layers) {
    stack.parts.emplace_back(part_name("layer", number));
    spec.parts.add(part_name("layer", number), std::move(layer));
  }
  PartSpec whole;
  whole.part_type = part_type::kStack;
  whole.blueprint = std::move(stack);
  spec.root = "model";
  spec.parts.add(spec.root, std::move(whole));
  return spec;
}

}  // namespace garage
