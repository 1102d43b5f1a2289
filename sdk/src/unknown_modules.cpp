#include "unknown_modules.hpp"

#include <set>
#include <string_view>

#include <fmt/format.h>

#include <garage/tensor_roles.hpp>

namespace garage::sdk {
namespace {

constexpr std::size_t kMostModules = 32;

using Modules = std::set<std::string, std::less<>>;

// "model.mtp_layers" of "model.mtp_layers.0.norm.weight".
std::string_view module_of(std::string_view tensor, const ModuleNames& names) {
  const auto base = tensor.starts_with(names.prefix)    ? names.prefix.size()
                    : tensor.starts_with(names.wrapper) ? names.wrapper.size()
                                                        : 0;
  return tensor.substr(0, tensor.find('.', base));
}

Modules known_modules(const ModelSpec& spec, const ModuleNames& names) {
  Modules known(names.own_modules.begin(), names.own_modules.end());
  for (const auto& [name, part] : spec.parts)
    for (const auto& role : tensor_roles(part)) known.emplace(module_of(role.ref->tensor, names));
  for (const auto& row : spec.ignored) known.emplace(module_of(row.tensors, names));
  return known;
}

}  // namespace

void leave_out_unknown_modules(ModelSpec& spec, const Model& model, const ModuleNames& names) {
  const auto known = known_modules(spec, names);
  Modules patterns;
  for (const auto& tensor : model.tensors()) {
    const auto module = module_of(tensor.name, names);
    if (known.contains(module)) continue;
    // A * of the file's own would stand for other tensors.
    if (module.find('*') != module.npos || patterns.size() > kMostModules) return;
    patterns.insert(module == tensor.name ? tensor.name : std::string(module) + ".*");
  }
  for (const auto& pattern : patterns)
    spec.ignored.push_back({pattern, 0, fmt::format("{} has no such module", names.model_class)});
}

}  // namespace garage::sdk
