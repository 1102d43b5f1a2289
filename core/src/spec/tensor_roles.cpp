#include <garage/tensor_roles.hpp>

#include <garage/blueprint/walk.hpp>

namespace garage {
namespace {

struct Roles : BlueprintVisitor {
  std::vector<TensorRole> list;

  void tensor(const BlueprintPath& at, const TensorRef& ref, TensorShape shape) {
    list.push_back({at.text(), &ref, std::move(shape), {}});
  }
  template <class T>
  void leave(const BlueprintPath& at, const T& value) {
    if constexpr (std::is_same_v<T, Custom>) {
      for (auto& role : list)
        if (const auto found = value.tensors.find(role.role); found != value.tensors.end() && found->second.tied_to)
          role.owner = found->second.tied_to->part;
    }
    if constexpr (requires { T::kTied; }) {
      if (!value.tied_to) return;
      const auto tied = (at / T::kTied).text();
      for (auto& role : list)
        if (role.role == tied) role.owner = value.tied_to->part;
    }
  }
};

}  // namespace

std::vector<TensorRole> tensor_roles(const PartSpec& part) {
  Roles roles;
  roles.list.reserve(8);  // an attention with biases
  walk(part.blueprint.value(), roles);
  return std::move(roles.list);
}

}  // namespace garage
