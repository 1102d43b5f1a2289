#include "unknown_modules.hpp"

#include <optional>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include <garage/blueprint/walk.hpp>

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

// Of tensors of which many of one module follow one another.
struct ModulesOf : BlueprintVisitor {
  ModulesOf(const ModuleNames& names, Modules& modules) : names(names), modules(modules) {}
  const ModuleNames& names;
  Modules& modules;
  std::optional<std::string_view> last;

  void add(std::string_view tensor) {
    const auto module = module_of(tensor, names);
    if (last != module) modules.emplace(module);
    last = module;
  }
  void tensor(const BlueprintPath&, const TensorRef& ref, const TensorShape&) { add(ref.tensor); }
};

Modules known_modules(const ModelSpec& spec, const ModuleNames& names) {
  Modules known(names.own_modules.begin(), names.own_modules.end());
  ModulesOf modules(names, known);
  for (const auto& [name, part] : spec.parts) walk(part.blueprint.value(), modules);
  for (const auto& row : spec.ignored) modules.add(row.tensors);
  return known;
}

}  // namespace

void leave_out_unknown_modules(ModelSpec& spec, const Model& model, const ModuleNames& names) {
  const auto known = known_modules(spec, names);
  Modules patterns;
  std::optional<std::string_view> last_known;
  for (const auto& tensor : model.tensors()) {
    const auto module = module_of(tensor.name, names);
    if (last_known == module) continue;
    if (known.contains(module)) {
      last_known = module;
      continue;
    }
    // A * of the file's own would stand for other tensors.
    if (module.find('*') != module.npos || patterns.size() > kMostModules) return;
    patterns.insert(module == tensor.name ? tensor.name : std::string(module) + ".*");
  }
  for (const auto& pattern : patterns)
    spec.ignored.push_back({pattern, 0, fmt::format("{} has no such module", names.model_class)});
}

}  // namespace garage::sdk
