#include "tensor_store.hpp"

#include <ATen/ops/empty.h>

#include <fmt/format.h>

#include <garage/accounting.hpp>
#include <garage/error.hpp>

#include "computing_dtype.hpp"
#include "dtype_names.hpp"
#include "packed_weight.hpp"
#include "stored_tensor.hpp"

namespace garage::nn {
namespace {

torch::Tensor stepped(const torch::Tensor& tensor, const ViewStep& step) {
  const auto& a = step.arguments;
  switch (step.kind) {
    case ViewStep::Kind::select: return tensor.select(a.at(0), a.at(1));
    case ViewStep::Kind::narrow: return tensor.narrow(a.at(0), a.at(1), a.at(2));
    case ViewStep::Kind::transpose: return tensor.transpose(a.at(0), a.at(1));
    case ViewStep::Kind::view: return tensor.reshape(a);
  }
  return tensor;
}

// The tensor, or the part of it that the first steps of the view leave where no more need be decoded; and the other
// steps.
struct Begun {
  torch::Tensor tensor;
  std::span<const ViewStep> rest;
};

Begun first_of(WeightFiles& files, const TensorInfo& info, std::span<const ViewStep> view) {
  const bool is_encoded = files.stored(info.name).encoding != nullptr;
  if (!is_encoded || view.empty() || info.shape.size() < 2) return {whole_tensor(files, info), view};
  const auto& [kind, a] = view.front();
  if (kind == ViewStep::Kind::select && a.at(0) == 0)
    return {decoded_rows(files, info, a.at(1), 1).select(0, 0), view.subspan(1)};
  if (kind == ViewStep::Kind::narrow && a.at(0) == 0)
    return {decoded_rows(files, info, a.at(1), a.at(2)), view.subspan(1)};
  return {whole_tensor(files, info), view};
}

}  // namespace

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

const TensorInfo& TensorStore::info(const std::string& name) const {
  if (const auto* found = files_->find(name)) return *found;
  throw Error(Errc::kCorrupt, fmt::format("{}: has no tensor '{}'", files_->path().string(), name));
}

void TensorStore::require_tensors(const PartSpec& part, const std::string& name) const {
  for (const auto& role : tensor_roles(part)) {
    const auto& tensor = info(role.ref->tensor);
    try {
      require_shape(tensor, name, role);
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("{}: {}", files_->path().string(), error.what()));
    }
  }
}

Weight TensorStore::weight(const TensorRef& ref) const {
  const auto& stored = info(ref.tensor);
  if (!here_.keep_packed || !files_->stored(ref.tensor).encoding || stored.shape.size() < 2)
    return Weight(on_its_way(ref));
  const auto type = here_.dtype ? here_.dtype : scalar_type_of(stored.dtype);
  if (!type) return Weight(on_its_way(ref));
  auto like = torch::empty(stored.shape, torch::TensorOptions().device(torch::kMeta).dtype(*type));
  for (const auto& step : ref.view) like = stepped(like, step);
  return Weight(std::make_shared<PackedWeight>(*this, ref, like));
}

torch::Tensor TensorStore::on_its_way(const TensorRef& ref) const {
  auto [tensor, rest] = first_of(*files_, info(ref.tensor), ref.view);
  for (const auto& step : rest) tensor = stepped(tensor, step);
  const auto dtype = here_.dtype.value_or(tensor.scalar_type());
  if (!Uploads::serve(here_.device)) return tensor.to(here_.device, dtype);
  return arrivals_->add(ref, tensor, here_.device, dtype, *files_);
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
