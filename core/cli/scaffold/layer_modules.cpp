#include "layer_modules.hpp"

#include <algorithm>

namespace garage::cli {

LayerModules::LayerModules(const Model& model, const std::string& start) {
  for (const auto& tensor : model.tensors()) {
    if (!tensor.name.starts_with(start)) continue;
    const auto name = tensor.name.substr(start.size());
    const auto dot = name.rfind('.');
    if (dot == name.npos) continue;
    auto& module = modules_[name.substr(0, dot)];
    if (name.ends_with(".bias")) module.bias = true;
    else module.shape = tensor.shape;
  }
}

std::string LayerModules::find(std::initializer_list<const char*> words, std::string_view within) const {
  for (const auto* word : words)
    for (const auto& [name, module] : modules_)
      if (last_word_of(name) == word && (within.empty() || parent_of(name) == within)) return name;
  return {};
}

std::string LayerModules::find_norm(std::initializer_list<const char*> names) const {
  for (const auto* name : names)
    if (has(name) && modules_.at(name).shape.size() == 1) return name;
  return {};
}

std::int64_t LayerModules::size(const std::string& name) const {
  const auto found = modules_.find(name);
  return found != modules_.end() && found->second.shape.size() == 1 ? found->second.shape.front() : 0;
}

bool LayerModules::has_experts() const {
  return std::any_of(modules_.begin(), modules_.end(),
                     [](const auto& module) { return module.first.find("experts") != std::string::npos; });
}

std::string LayerModules::names() const {
  std::string text;
  for (const auto& [name, module] : modules_) text += (text.empty() ? "" : ", ") + name;
  return text;
}

bool LayerModules::is_wider_than_high(const std::string& name) const {
  const auto found = modules_.find(name);
  return found != modules_.end() && found->second.shape.size() == 2 && found->second.shape[0] < found->second.shape[1];
}

std::string parent_of(const std::string& module) {
  const auto dot = module.rfind('.');
  return dot == module.npos ? std::string() : module.substr(0, dot);
}

std::string last_word_of(const std::string& module) { return module.substr(module.rfind('.') + 1); }

}  // namespace garage::cli
