#include "tensor_array.hpp"

#include <utility>
#include <vector>

#include <ATen/ops/bitwise_left_shift.h>
#include <ATen/ops/bitwise_right_shift.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>

namespace garage::nn {
namespace {

torch::ScalarType scalar_type(ArrayValue::Type type) {
  switch (type) {
    case ArrayValue::Type::kU8: return torch::kUInt8;
    case ArrayValue::Type::kI8: return torch::kInt8;
    case ArrayValue::Type::kI32: return torch::kInt32;
    case ArrayValue::Type::kF16: return torch::kFloat16;
    case ArrayValue::Type::kBF16: return torch::kBFloat16;
    case ArrayValue::Type::kF32: return torch::kFloat32;
    case ArrayValue::Type::kF64: return torch::kFloat64;
  }
  return torch::kFloat32;
}

// right: a tensor, or a number.
template <class Right>
torch::Tensor result(ArrayValue::Binary operation, const torch::Tensor& left, const Right& right) {
  switch (operation) {
    case ArrayValue::Binary::kAdd: return left.add(right);
    case ArrayValue::Binary::kSubtract: return left.sub(right);
    case ArrayValue::Binary::kMultiply: return left.mul(right);
    case ArrayValue::Binary::kDivide: return left.div(right);
    case ArrayValue::Binary::kAnd: return left.bitwise_and(right);
    case ArrayValue::Binary::kOr: return left.bitwise_or(right);
    case ArrayValue::Binary::kLeft: return at::bitwise_left_shift(left, right);
    case ArrayValue::Binary::kRight: return at::bitwise_right_shift(left, right);
  }
  return left;
}

class TensorValue final : public ArrayValue {
 public:
  explicit TensorValue(torch::Tensor tensor) : tensor_(std::move(tensor)) {}

  const torch::Tensor& tensor() const noexcept { return tensor_; }

  Shape shape() const override { return tensor_.sizes().vec(); }
  Pointer with(Binary operation, const ArrayValue& right) const override {
    return made(result(operation, tensor_, of(right)));
  }
  // An integer stays one: LibTorch would make a float of it.
  Pointer with(Binary operation, double right) const override {
    const auto number =
        tensor_.is_floating_point() ? torch::Scalar(right) : torch::Scalar(static_cast<std::int64_t>(right));
    return made(result(operation, tensor_, number));
  }
  Pointer to(Type type) const override { return made(tensor_.to(scalar_type(type))); }
  Pointer bits_as(Type type) const override {
    auto shape = tensor_.sizes().vec();
    auto lying = tensor_.reshape({-1});  // a dimension of 1 may have any stride, which a view of another width refuses
    const auto width = static_cast<std::int64_t>(c10::elementSize(scalar_type(type)));
    if (lying.storage_offset() * static_cast<std::int64_t>(lying.element_size()) % width != 0) lying = lying.clone();
    shape.back() = shape.back() * static_cast<std::int64_t>(lying.element_size()) / width;
    return made(lying.view(scalar_type(type)).view(shape));
  }
  Pointer view(Shape shape) const override { return made(tensor_.reshape(shape)); }
  Pointer narrow(std::int64_t dim, std::int64_t from, std::int64_t count) const override {
    return made(tensor_.narrow(dim, from, count));
  }
  Pointer transpose(std::int64_t a, std::int64_t b) const override { return made(tensor_.transpose(a, b)); }
  Pointer stack(std::span<const Pointer> others, std::int64_t dim) const override {
    std::vector<torch::Tensor> all{tensor_};
    for (const auto& other : others) all.push_back(of(*other));
    return made(at::stack(all, dim));
  }
  Pointer at(const ArrayValue& places) const override {
    auto shape = of(places).sizes().vec();
    shape.insert(shape.end(), tensor_.sizes().begin() + 1, tensor_.sizes().end());
    // A row of 2, 4 or 8 bytes as one number: fewer, wider reads.
    const auto type = tensor_.scalar_type();
    const auto bytes = static_cast<std::int64_t>(tensor_[0].nbytes());
    const auto begin = tensor_.storage_offset() * static_cast<std::int64_t>(tensor_.element_size());
    const auto wide = bytes == 8 ? torch::kInt64 : bytes == 4 ? torch::kInt32 : bytes == 2 ? torch::kInt16 : type;
    auto table = tensor_;
    if (wide != type && begin % bytes == 0) table = tensor_.reshape({tensor_.size(0), -1}).view(wide);
    return made(table.index_select(0, of(places).flatten()).view(type).view(shape));
  }
  Pointer matrix_product(const ArrayValue& right) const override { return made(at::matmul(tensor_, of(right))); }
  Pointer sum_of_last() const override { return made(tensor_.sum({-1}, /*keepdim=*/true)); }
  Pointer root() const override { return made(tensor_.sqrt()); }
  Pointer constant(Type type, const void* numbers, Shape shape) const override {
    const auto here = at::from_blob(const_cast<void*>(numbers), shape, torch::TensorOptions().dtype(scalar_type(type)));
    return made(here.to(tensor_.device(), here.scalar_type(), /*non_blocking=*/false, /*copy=*/true));
  }

 private:
  static const torch::Tensor& of(const ArrayValue& value) { return static_cast<const TensorValue&>(value).tensor_; }
  static Pointer made(torch::Tensor tensor) { return std::make_shared<TensorValue>(std::move(tensor)); }

  torch::Tensor tensor_;
};

}  // namespace

Array array_of(torch::Tensor tensor) { return Array(std::make_shared<TensorValue>(std::move(tensor))); }

const torch::Tensor& tensor_of(const Array& array) { return static_cast<const TensorValue&>(*array.value()).tensor(); }

}  // namespace garage::nn
