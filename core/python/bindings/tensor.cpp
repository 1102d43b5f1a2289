#include "tensor.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace garage::python {
namespace {

constexpr std::size_t kAlignment = 64;

// One dimension after another, so that what lies together is copied together.
void copy_from(const std::uint8_t* from, const Tensor& tensor, std::size_t dim, std::uint8_t*& to) {
  const auto width = tensor.width();
  if (dim == tensor.shape.size()) {
    std::memcpy(to, from, width);
    to += width;
    return;
  }
  const auto count = tensor.shape[dim];
  const auto step = tensor.strides[dim] * static_cast<std::int64_t>(width);
  if (dim + 1 == tensor.shape.size() && tensor.strides[dim] == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * width);
    to += static_cast<std::size_t>(count) * width;
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) copy_from(from + i * step, tensor, dim + 1, to);
}

}  // namespace

std::int64_t Tensor::elements() const {
  std::int64_t product = 1;
  for (const auto dim : shape) product *= dim;
  return product;
}

std::vector<std::int64_t> row_major(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * std::max<std::int64_t>(shape[i], 1);
  return strides;
}

std::shared_ptr<std::uint8_t> make_memory(std::size_t bytes) {
  const auto size = (std::max<std::size_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
  auto* memory = static_cast<std::uint8_t*>(std::aligned_alloc(kAlignment, size));
  if (!memory) throw std::bad_alloc();
  return {memory, [](std::uint8_t* pointer) { std::free(pointer); }};
}

Tensor copied(const Tensor& tensor) {
  auto copy = tensor;
  const auto memory = make_memory(tensor.nbytes());
  copy.data = memory.get();
  copy.memory = memory;
  copy.file = nullptr;
  copy.strides = row_major(tensor.shape);
  auto* to = memory.get();
  if (tensor.elements() > 0) copy_from(tensor.data, tensor, 0, to);
  if (tensor.file) tensor.file->require_unchanged();  // what was read was whole
  return copy;
}

}  // namespace garage::python
