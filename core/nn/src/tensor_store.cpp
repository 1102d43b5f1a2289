#include "tensor_store.hpp"

#include <cstdint>
#include <cstring>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <torch/version.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "dtype_names.hpp"

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

}  // namespace

TensorStore TensorStore::of_part(const PartSpec& part, const std::string& name) const {
  auto store = *this;
  store.here_ = placements_.of(name, part);
  return store;
}

torch::Tensor TensorStore::whole(const std::string& name) const {
  const auto* info = files_->find(name);
  if (!info) throw Error(Errc::kCorrupt, fmt::format("{}: has no tensor '{}'", files_->path().string(), name));
  const auto type = scalar_type_of(info->dtype);
  if (!type)
    throw Error(Errc::kUnsupported, fmt::format("{}: tensor '{}' is {}, for which this LibTorch ({}) has no type",
                                                files_->path().string(), name, to_string(info->dtype), TORCH_VERSION));
  if (info->elements() == 0) return torch::empty(info->shape, *type);
  const auto [begin, file] = files_->bytes(name);
  auto* bytes = const_cast<std::uint8_t*>(begin);
  const auto alignment = static_cast<std::uintptr_t>(c10::elementSize(*type));
  if (reinterpret_cast<std::uintptr_t>(bytes) % alignment == 0)
    return torch::from_blob(
        bytes, info->shape, [file = file](void*) {}, *type);
  // Nothing in the format promises alignment; torch's kernels want it.
  auto copy = torch::empty(info->shape, *type);
  std::memcpy(copy.data_ptr(), bytes, copy.nbytes());
  return copy;
}

torch::Tensor TensorStore::tensor(const TensorRef& ref) const {
  auto tensor = whole(ref.tensor);
  for (const auto& step : ref.view) tensor = stepped(tensor, step);
  return tensor.to(here_.device, here_.dtype.value_or(tensor.scalar_type()));
}

}  // namespace garage::nn
