#include "computing_dtype.hpp"

#include <c10/core/ScalarType.h>

#include <garage/children.hpp>
#include <garage/tensor_roles.hpp>

#include "dtype_names.hpp"

namespace garage::nn {
namespace {

bool is_computed_in(torch::ScalarType type) {
  return type == torch::kFloat16 || type == torch::kBFloat16 || type == torch::kFloat32 || type == torch::kFloat64;
}

class Widest {
 public:
  Widest(const ModelSpec& spec, const WeightFiles& files) : spec_(spec), files_(files) {}

  void add(const std::string& name) {
    const auto* part = spec_.parts.find(name);
    if (!part) return;  // whoever makes it says so
    if (part->blueprint)
      for (const auto& role : tensor_roles(*part)) add_tensor(role.ref->tensor);
    for (const auto& child : children_of(*part)) add(child);
  }

  std::optional<torch::ScalarType> take() const { return is_mixed_ ? widest_ : std::nullopt; }

 private:
  void add_tensor(const std::string& name) {
    const auto* tensor = files_.find(name);
    const auto type = tensor ? scalar_type_of(tensor->dtype) : std::nullopt;
    if (!type || !is_computed_in(*type)) return;
    if (widest_ && *widest_ != *type) is_mixed_ = true;
    widest_ = widest_ ? c10::promoteTypes(*widest_, *type) : *type;
  }

  const ModelSpec& spec_;
  const WeightFiles& files_;
  std::optional<torch::ScalarType> widest_;
  bool is_mixed_ = false;
};

}  // namespace

std::optional<torch::ScalarType> computing_dtype(const ModelSpec& spec, std::span<const std::string> parts,
                                                 const WeightFiles& files) {
  Widest widest(spec, files);
  for (const auto& part : parts) widest.add(part);
  return widest.take();
}

}  // namespace garage::nn
