#include "packed_on_device.hpp"

#include <algorithm>
#include <utility>

#include <ATen/ops/empty.h>

#include "tensor_array.hpp"
#include "view_steps.hpp"

namespace garage::nn {
namespace {

constexpr std::int64_t kDecodedAtOnce = 1 << 24;  // numbers that are decoded at once: each step of it makes as many

std::vector<Array> arrays_of(const std::vector<torch::Tensor>& tensors) {
  std::vector<Array> arrays;
  for (const auto& tensor : tensors) arrays.push_back(array_of(tensor));
  return arrays;
}

}  // namespace

PackedOnDevice::PackedOnDevice(EncodedTensor tensor, std::vector<torch::Tensor> there, torch::ScalarType type)
    : tensor_(std::move(tensor)),
      there_(std::move(there)),
      type_(type),
      decoding_(tensor_.on_device(arrays_of(there_))) {}

torch::Tensor PackedOnDevice::decoded(std::int64_t first, std::int64_t count, torch::ScalarType dtype) const {
  const auto columns = rows_of(tensor_.info().shape).columns;
  const auto options = there_.front().options().dtype(dtype);
  if (count == 0) return at::empty({0, columns}, options);
  auto at_once = std::max<std::int64_t>(1, kDecodedAtOnce / columns);
  at_once = (at_once + decoding_.together - 1) / decoding_.together * decoding_.together;
  const auto some = [&](std::int64_t from, std::int64_t rows) {
    return tensor_of(decoding_.rows(from, rows)).to(type_).to(dtype);
  };
  if (count <= at_once) return some(first, count);
  const auto numbers = at::empty({count, columns}, options);
  for (std::int64_t from = 0; from < count; from += at_once) {
    const auto rows = std::min(at_once, count - from);
    numbers.narrow(0, from, rows).copy_(some(first + from, rows));
  }
  return numbers;
}

torch::Tensor PackedOnDevice::seen(std::span<const ViewStep> view, torch::ScalarType dtype) const {
  const auto& shape = tensor_.info().shape;
  if (shape.size() < 2) return seen_through(decoded(0, 1, dtype).view(shape), view);
  const auto [first, count, rest] = first_rows(tensor_.info(), view);
  auto some = shape;
  some.front() = count;
  const auto each = rows_of(shape).count / shape.front();
  return seen_through(decoded(first * each, count * each, dtype).view(some), rest);
}

}  // namespace garage::nn
