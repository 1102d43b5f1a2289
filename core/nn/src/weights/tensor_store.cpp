#include "tensor_store.hpp"

#include <cstdint>
#include <cstring>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <torch/version.h>

#include <fmt/format.h>

#include <garage/accounting.hpp>
#include <garage/error.hpp>

#include "computing_dtype.hpp"
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

const TensorInfo& TensorStore::info(const std::string& name) const {
  if (const auto* found = files_->find(name)) return *found;
  throw Error(Errc::kCorrupt, fmt::format("{}: has no tensor '{}'", files_->path().string(), name));
}

void TensorStore::require_tensors(const PartSpec& part, const std::string& name) const {
  for (const auto& role : tensor_roles(part)) {
    const auto& tensor = info(role.ref->tensor);
    try {
      require_shape(tensor, name, role);
    } catch (const Error& error) { throw Error(error.code(), fmt::format("{}: {}", files_->path().string(), error.what())); }
  }
}

torch::Tensor TensorStore::whole(const std::string& name) const {
  const auto& stored = info(name);
  const auto type = scalar_type_of(stored.dtype);
  if (!type)
    throw Error(Errc::kUnsupported, fmt::format("{}: tensor '{}' is {}, for which this LibTorch ({}) has no type",
                                                files_->path().string(), name, to_string(stored.dtype), TORCH_VERSION));
  if (stored.elements() == 0) return torch::empty(stored.shape, *type);
  const auto [begin, size, strides, file] = files_->bytes(name);
  auto* bytes = const_cast<std::uint8_t*>(begin);
  const auto width = static_cast<std::int64_t>(c10::elementSize(*type));
  const auto seen = [&, &shape = stored.shape, &strides = strides](const torch::Tensor& flat) {
    return strides.empty() ? flat.view(shape) : flat.as_strided(shape, strides);
  };
  const auto count = static_cast<std::int64_t>(size) / width;
  if (reinterpret_cast<std::uintptr_t>(bytes) % static_cast<std::uintptr_t>(width) == 0)
    return seen(torch::from_blob(
        bytes, {count}, [file = file](void*) {}, *type));
  // Nothing in the format promises alignment; torch's kernels want it.
  auto copy = torch::empty({count}, *type);
  std::memcpy(copy.data_ptr(), bytes, copy.nbytes());
  return seen(copy);
}

torch::Tensor TensorStore::tensor(const TensorRef& ref) const {
  auto tensor = whole(ref.tensor);
  for (const auto& step : ref.view) tensor = stepped(tensor, step);
  return tensor.to(here_.device, here_.dtype.value_or(tensor.scalar_type()));
}

}  // namespace garage::nn
