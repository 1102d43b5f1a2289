#include "stored_tensor.hpp"

#include <cstring>
#include <exception>
#include <mutex>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <torch/version.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "dtype_names.hpp"

namespace garage::nn {
namespace {

constexpr std::int64_t kAtOnce = 1 << 16;  // numbers that a thread decodes, at least

torch::ScalarType type_of(const WeightFiles& files, const TensorInfo& info) {
  if (const auto type = scalar_type_of(info.dtype)) return *type;
  throw Error(Errc::kUnsupported, fmt::format("{}: tensor '{}' is {}, for which this LibTorch ({}) has no type",
                                              files.path().string(), info.name, to_string(info.dtype), TORCH_VERSION));
}

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
torch::Tensor decoded(WeightFiles& files, const TensorInfo& info, std::int64_t first, std::int64_t count) {
  const auto& stored = files.stored(info.name);
  const auto columns = rows_of(info.shape).columns;
  std::vector<Encoding::Piece> pieces;
  std::vector<std::shared_ptr<const MappedFile>> kept;
  for (const auto& extent : stored.extents) {
    auto [piece, file] = files.bytes(extent);
    pieces.push_back(piece);
    kept.push_back(std::move(file));
  }
  auto numbers = torch::empty({count, columns}, torch::kFloat32);
  auto* out = numbers.data_ptr<float>();
  std::exception_ptr fault;
  std::mutex mutex;
  at::parallel_for(
      0, count, std::max<std::int64_t>(1, kAtOnce / std::max<std::int64_t>(1, columns)),
      [&](std::int64_t from, std::int64_t to) {
        try {
          stored.encoding->decode(info.shape, pieces, first + from, to - from, out + from * columns);
        } catch (const Error& error) {
          const std::lock_guard lock(mutex);
          fault = std::make_exception_ptr(Error(
              error.code(), fmt::format("{}: tensor '{}': {}", files.path().string(), info.name, error.message())));
        }
      });
  if (fault) std::rethrow_exception(fault);
  return numbers.to(type_of(files, info));
}

}  // namespace

torch::Tensor whole_tensor(WeightFiles& files, const TensorInfo& info) {
  const auto type = type_of(files, info);
  if (info.elements() == 0) return torch::empty(info.shape, type);
  if (!files.stored(info.name).encoding) return plain(files, info, type);
  return decoded(files, info, 0, rows_of(info.shape).count).view(info.shape);
}

torch::Tensor decoded_rows(WeightFiles& files, const TensorInfo& info, std::int64_t first, std::int64_t count) {
  auto shape = info.shape;
  shape.front() = count;
  if (info.elements() == 0) return torch::empty(shape, type_of(files, info));
  const auto each = rows_of(info.shape).count / info.shape.front();
  return decoded(files, info, first * each, count * each).view(shape);
}

}  // namespace garage::nn
