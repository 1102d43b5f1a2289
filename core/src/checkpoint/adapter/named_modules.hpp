// NamedModules: a list of modules as PEFT's configs give it: whole names, or their last pieces
// (peft/tuners/tuners_utils.py, check_target_module_exists).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace garage {

class NamedModules {
 public:
  // Holds views into the names.
  explicit NamedModules(const std::vector<std::string>& names) : names_(names.begin(), names.end()) {}

  // The first of them, from the whole name on, that means the module.
  std::optional<std::string_view> meaning(std::string_view module) const {
    if (names_.empty()) return std::nullopt;
    for (;;) {
      if (const auto found = names_.find(module); found != names_.end()) return *found;
      const auto dot = module.find('.');
      if (dot == module.npos) return std::nullopt;
      module.remove_prefix(dot + 1);
    }
  }

 private:
  std::unordered_set<std::string_view> names_;
};

}  // namespace garage
