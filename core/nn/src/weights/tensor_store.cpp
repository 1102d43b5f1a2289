#include "tensor_store.hpp"

#include <ATen/ops/empty.h>

#include <fmt/format.h>

#include <garage/accounting.hpp>
#include <garage/error.hpp>

#include "computing_dtype.hpp"
#include "dtype_names.hpp"
#include "packed_weight.hpp"
#include "stored_tensor.hpp"
#include "view_steps.hpp"

namespace garage::nn {

TensorStore TensorStore::of_roots(const ModelSpec& spec, std::span<const std::string> parts) const {
  auto store = *this;
  store.together_ = computing_dtype(spec, parts, *files_);
  return store;
}

TensorStore TensorStore::of_part(const PartSpec& part, const std::string& name) const {
  auto store = *this;
  store.here_ = placements_.of(name, part);
  if (!store.here_.dtype) store.here_.dtype = together_;
  return store;
}

TensorStore TensorStore::apart() const {
  auto store = *this;
  store.arrivals_ = std::make_shared<Arrivals>();
  return store;
}

void TensorStore::require_tensors(const PartSpec& part, const std::string& name) const {
  for (const auto& role : tensor_roles(part)) {
    const auto& tensor = files_->info(role.ref->tensor);
    try {
      require_shape(tensor, name, role);
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("{}: {}", files_->path().string(), error.what()));
    }
  }
}

Weight TensorStore::weight(const TensorRef& ref) const {
  const auto& stored = files_->info(ref.tensor);
  if (!here_.keep_packed || !files_->stored(ref.tensor).encoding || stored.shape.size() < 2)
    return Weight(on_its_way(ref));
  const auto dtype = here_.dtype.value_or(scalar_type_of(*files_, stored));
  const auto like = torch::empty(stored.shape, torch::TensorOptions().device(torch::kMeta).dtype(dtype));
  std::shared_ptr<const PackedOnDevice> there;
  if (Uploads::serve(here_.device) && stored.elements() > 0)
    there = arrivals_->add_packed(ref.tensor, *files_, here_.device);
  return Weight(std::make_shared<PackedWeight>(*this, ref, seen_through(like, ref.view), std::move(there)));
}

torch::Tensor TensorStore::on_its_way(const TensorRef& ref) const {
  const auto& stored = files_->info(ref.tensor);
  const auto own = scalar_type_of(*files_, stored);
  const auto dtype = here_.dtype.value_or(own);
  if (Uploads::serve(here_.device)) return arrivals_->add(ref, *files_, {here_.device, dtype});
  return stored_tensor(*files_, stored, ref.view).to(here_.device, dtype);
}

torch::Tensor TensorStore::tensor(const TensorRef& ref) const {
  auto tensor = on_its_way(ref);
  arrive();
  return tensor;
}

torch::Tensor TensorStore::rows(const TensorRef& ref, std::int64_t first, std::int64_t count) const {
  auto some = ref;
  some.view.push_back({ViewStep::Kind::narrow, {0, first, count}});
  return tensor(some);
}

}  // namespace garage::nn
