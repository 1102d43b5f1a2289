#include "blueprint_rules.hpp"

#include <garage/blueprint/walk.hpp>

namespace garage {
namespace {

struct Rules : BlueprintVisitor {
  std::optional<std::string> first;

  template <class T>
  void leave(const BlueprintPath& at, const T& value) {
    if constexpr (requires(Faults& faults) { value.check(faults); }) {
      if (first) return;
      Faults faults(first, at);
      value.check(faults);
    }
  }
};

}  // namespace

std::optional<std::string> blueprint_fault(const Blueprint& blueprint) {
  Rules rules;
  walk(blueprint, rules);
  return std::move(rules.first);
}

}  // namespace garage
