#include <garage/children.hpp>

#include <algorithm>

#include <garage/blueprint/walk.hpp>

namespace garage {
namespace {

struct Children : BlueprintVisitor {
  std::vector<std::string> names;

  void part(const BlueprintPath&, const std::string& name, PartRole role) {
    // A layer's few may be named twice; of a mixture's many experts each has a name of its own.
    const bool may_recur = role != PartRole::expert;
    if (is_held(role) && !(may_recur && std::find(names.begin(), names.end(), name) != names.end()))
      names.push_back(name);
  }
};

}  // namespace

std::vector<std::string> children_of(const PartSpec& part) {
  Children children;
  if (part.blueprint) walk(*part.blueprint, children);
  return std::move(children.names);
}

}  // namespace garage
