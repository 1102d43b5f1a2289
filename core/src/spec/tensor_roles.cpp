#include <garage/tensor_roles.hpp>

#include <garage/blueprint/walk.hpp>

namespace garage {
namespace {

struct Roles : BlueprintVisitor {
  std::vector<TensorRole> list;

  void tensor(const BlueprintPath& at, const TensorRef& ref, TensorShape shape) {
    list.push_back({at.text(), &ref, std::move(shape)});
  }
};

}  // namespace

std::vector<TensorRole> tensor_roles(const PartSpec& part) {
  Roles roles;
  roles.list.reserve(8);  // an attention with biases
  walk(part.blueprint.value(), roles);
  if (const auto* head = std::get_if<OutputHead>(&*part.blueprint); head && head->tied_to)
    roles.list.front().shared = true;
  return std::move(roles.list);
}

}  // namespace garage
