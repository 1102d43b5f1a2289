#include "stored_tensor.hpp"

#include <cstring>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <torch/version.h>

#include <fmt/format.h>

#include <garage/encoded_tensor.hpp>
#include <garage/error.hpp>

#include "dtype_names.hpp"
#include "view_steps.hpp"

namespace garage::nn {
namespace {

torch::Tensor plain(WeightFiles& files, const TensorInfo& info, torch::ScalarType type) {
  const auto& stored = files.stored(info.name);
  const auto [piece, file] = files.bytes(stored.extents.front());
  auto* bytes = piece.data();
  const auto width = c10::elementSize(type);
  const auto count = static_cast<std::int64_t>(piece.size() / width);
  const auto seen = [&](const torch::Tensor& flat) {
    return stored.strides.empty() ? flat.view(info.shape) : flat.as_strided(info.shape, stored.strides);
  };
  if (reinterpret_cast<std::uintptr_t>(bytes) % width == 0)
    return seen(torch::from_blob(
        bytes, {count}, [file = file](void*) {}, type));
  // Nothing in the format promises alignment; torch's kernels want it.
  auto copy = torch::empty({count}, type);
  std::memcpy(copy.data_ptr(), bytes, copy.nbytes());
  return seen(copy);
}

// Rows of the tensor as a matrix.
torch::Tensor decoded(const EncodedTensor& tensor, std::int64_t first, std::int64_t count) {
  const auto columns = rows_of(tensor.info().shape).columns;
  auto numbers = torch::empty({count, columns}, torch::kFloat32);
  tensor.decode(first, count, numbers.data_ptr<float>());
  return numbers;
}

}  // namespace

torch::ScalarType scalar_type_of(const WeightFiles& files, const TensorInfo& info) {
  if (const auto type = scalar_type_of(info.dtype)) return *type;
  throw Error(Errc::kUnsupported, fmt::format("{}: tensor '{}' is {}, for which this LibTorch ({}) has no type",
                                              files.path().string(), info.name, to_string(info.dtype), TORCH_VERSION));
}

torch::Tensor stored_tensor(WeightFiles& files, const TensorInfo& info, std::span<const ViewStep> view) {
  const auto type = scalar_type_of(files, info);
  if (info.elements() == 0) return seen_through(torch::empty(info.shape, type), view);
  if (!files.stored(info.name).encoding) return seen_through(plain(files, info, type), view);
  const auto [first, count, rest] = first_rows(info, view);
  const EncodedTensor tensor(files, info);
  if (info.shape.size() < 2) return seen_through(decoded(tensor, 0, 1).to(type).view(info.shape), rest);
  auto shape = info.shape;
  shape.front() = count;
  if (count == 0) return seen_through(torch::empty(shape, type), rest);
  const auto each = rows_of(info.shape).count / info.shape.front();
  return seen_through(decoded(tensor, first * each, count * each).to(type).view(shape), rest);
}

}  // namespace garage::nn
