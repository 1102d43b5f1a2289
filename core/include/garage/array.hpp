// Array: numbers on a device of which core knows nothing but this: what can be done with all of them at once. An
// encoding says with it how it is decoded wherever its bytes lie, on a GPU too. nn has one of LibTorch's tensors.
//
// Every operation is that of one number, done to each: integers wrap, float32 rounds once an operation, and nothing is
// fused, so that what is decoded is bit for bit what Encoding::decode gives.
//
// Lifetime  An Array is a value: it keeps its numbers alive, and changes none.
// Threads   As LibTorch's tensors: several threads may read one.
// Errors    What the device throws.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace garage {

// What a device has to offer; Array is what is written with.
class ArrayValue {
 public:
  using Pointer = std::shared_ptr<const ArrayValue>;
  using Shape = std::vector<std::int64_t>;

  enum class Type { kU8, kI8, kI32, kF16, kBF16, kF32, kF64 };
  // Of integers all; of the others add to divide.
  enum class Binary { kAdd, kSubtract, kMultiply, kDivide, kAnd, kOr, kLeft, kRight };

  virtual ~ArrayValue() = default;

  virtual Shape shape() const = 0;
  // Of one type, or integers and F32, which are F32 then; shapes broadcast.
  virtual Pointer with(Binary operation, const ArrayValue& right) const = 0;
  virtual Pointer with(Binary operation, double right) const = 0;             // the type stays; exact in it
  virtual Pointer to(Type type) const = 0;                                    // the same numbers
  virtual Pointer bits_as(Type type) const = 0;                               // the same bytes, the last dimension's
  virtual Pointer view(Shape shape) const = 0;
  virtual Pointer narrow(std::int64_t dim, std::int64_t from, std::int64_t count) const = 0;
  virtual Pointer transpose(std::int64_t a, std::int64_t b) const = 0;
  virtual Pointer stack(std::span<const Pointer> others, std::int64_t dim) const = 0;  // this one first
  // What stands at these places of the first dimension: places.shape() + the other dimensions. I32.
  virtual Pointer at(const ArrayValue& places) const = 0;
  virtual Pointer matrix_product(const ArrayValue& right) const = 0;
  virtual Pointer sum_of_last() const = 0;  // the last dimension becomes 1
  virtual Pointer root() const = 0;
  // Numbers of the host on the same device, row-major.
  virtual Pointer constant(Type type, const void* numbers, Shape shape) const = 0;
};

class Array {
 public:
  using Type = ArrayValue::Type;
  using Binary = ArrayValue::Binary;
  using Shape = ArrayValue::Shape;

  Array(ArrayValue::Pointer value) : value_(std::move(value)) {}

  const ArrayValue::Pointer& value() const noexcept { return value_; }
  Shape shape() const { return value_->shape(); }

  Array to(Type type) const { return value_->to(type); }
  Array bits_as(Type type) const { return value_->bits_as(type); }
  Array view(Shape shape) const { return value_->view(std::move(shape)); }
  Array narrow(std::int64_t dim, std::int64_t from, std::int64_t count) const {
    return value_->narrow(dim, from, count);
  }
  Array transpose(std::int64_t a, std::int64_t b) const { return value_->transpose(a, b); }
  Array at(const Array& places) const { return value_->at(*places.value_); }
  Array matrix_product(const Array& right) const { return value_->matrix_product(*right.value_); }
  Array sum_of_last() const { return value_->sum_of_last(); }
  Array root() const { return value_->root(); }

  // Of float, std::int32_t or std::uint8_t.
  template <class T>
  Array constant(std::span<const T> numbers, Shape shape) const {
    constexpr auto type = std::is_same_v<T, float>          ? Type::kF32
                          : std::is_same_v<T, std::int32_t> ? Type::kI32
                                                            : Type::kU8;
    static_assert(type != Type::kU8 || std::is_same_v<T, std::uint8_t>);
    return value_->constant(type, numbers.data(), std::move(shape));
  }
  template <class T>
  Array constant(std::span<const T> numbers) const {
    return constant(numbers, {static_cast<std::int64_t>(numbers.size())});
  }

  // Arrays of one shape in a new dimension.
  static Array stack(std::span<const Array> arrays, std::int64_t dim) {
    std::vector<ArrayValue::Pointer> others;
    for (const auto& array : arrays.subspan(1)) others.push_back(array.value_);
    return arrays.front().value_->stack(others, dim);
  }

  friend Array operator+(const Array& a, const Array& b) { return a.with(Binary::kAdd, b); }
  friend Array operator-(const Array& a, const Array& b) { return a.with(Binary::kSubtract, b); }
  friend Array operator*(const Array& a, const Array& b) { return a.with(Binary::kMultiply, b); }
  friend Array operator/(const Array& a, const Array& b) { return a.with(Binary::kDivide, b); }
  friend Array operator&(const Array& a, const Array& b) { return a.with(Binary::kAnd, b); }
  friend Array operator|(const Array& a, const Array& b) { return a.with(Binary::kOr, b); }
  friend Array operator<<(const Array& a, const Array& b) { return a.with(Binary::kLeft, b); }
  friend Array operator>>(const Array& a, const Array& b) { return a.with(Binary::kRight, b); }
  friend Array operator+(const Array& a, double b) { return a.value_->with(Binary::kAdd, b); }
  friend Array operator-(const Array& a, double b) { return a.value_->with(Binary::kSubtract, b); }
  friend Array operator*(const Array& a, double b) { return a.value_->with(Binary::kMultiply, b); }
  friend Array operator&(const Array& a, int b) { return a.value_->with(Binary::kAnd, b); }
  friend Array operator<<(const Array& a, int b) { return a.value_->with(Binary::kLeft, b); }
  friend Array operator>>(const Array& a, int b) { return a.value_->with(Binary::kRight, b); }

 private:
  Array with(Binary operation, const Array& right) const { return value_->with(operation, *right.value_); }

  ArrayValue::Pointer value_;
};

}  // namespace garage
