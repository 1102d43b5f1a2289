#include "plain_numbers.hpp"

#include <array>
#include <string>

#include "numbers.hpp"
#include "readers.hpp"
#include "wide_vectors.hpp"

namespace garage {
namespace {

// A dtype by how a number of it is stored, and what it is as float32: one, and those on a device.
struct F32 {
  using Stored = std::uint32_t;
  static constexpr auto kDType = DType::kF32;
  static float number(Stored stored) noexcept { return std::bit_cast<float>(stored); }
  static Reader reader(const Array&) { return reader_of(Array::Type::kF32); }
};
struct F16 {
  using Stored = std::uint16_t;
  static constexpr auto kDType = DType::kF16;
  static float number(Stored stored) noexcept { return float_of_half(stored); }
  static Reader reader(const Array&) { return reader_of(Array::Type::kF16); }
};
struct BF16 {
  using Stored = std::uint16_t;
  static constexpr auto kDType = DType::kBF16;
  static float number(Stored stored) noexcept { return float_of_bfloat(stored); }
  static Reader reader(const Array&) { return reader_of(Array::Type::kBF16); }
};
struct F8E4M3 {
  using Stored = std::uint8_t;
  static constexpr auto kDType = DType::kF8E4M3;
  static float number(Stored stored) noexcept { return float_of_e4m3(stored); }
  static Reader reader(const Array& like) { return reader_of_bytes(numbers_of_bytes(number), like); }
};
struct F8E5M2 {
  using Stored = std::uint8_t;
  static constexpr auto kDType = DType::kF8E5M2;
  static float number(Stored stored) noexcept { return float_of_e5m2(stored); }
  static Reader reader(const Array& like) { return reader_of_bytes(numbers_of_bytes(number), like); }
};

template <class Number, bool big_endian>
GARAGE_WIDE_VECTORS void widen(const std::uint8_t* at, std::size_t count, float* out) {
  using Stored = typename Number::Stored;
  for (std::size_t i = 0; i < count; ++i, at += sizeof(Stored))
    out[i] = Number::number(big_endian ? load_swapped<Stored>(at) : load<Stored>(at));
}

template <class Number, bool big_endian>
class PlainNumbers final : public Encoding {
 public:
  std::string_view name() const noexcept override { return name_; }

  void decode(const Shape& shape, std::span<const Piece> pieces, std::int64_t first, std::int64_t count,
              float* out) const override {
    const auto columns = static_cast<std::size_t>(rows_of(shape).columns);
    const auto* at = pieces[0].data() + static_cast<std::size_t>(first) * columns * sizeof(typename Number::Stored);
    widen<Number, big_endian>(at, static_cast<std::size_t>(count) * columns, out);
  }

  OnDevice on_device(const Shape& shape, std::span<const Piece>, std::span<const Array> there) const override {
    if (big_endian) return {};
    const auto bytes = rows_of(shape).columns * static_cast<std::int64_t>(sizeof(typename Number::Stored));
    return {.rows = [=, stored = there[0], read = Number::reader(there[0])](std::int64_t first, std::int64_t count) {
      return read(stored.narrow(0, first * bytes, count * bytes).view({count, bytes}));
    }};
  }

 private:
  std::string name_ = std::string(to_string(Number::kDType)) + (big_endian ? ", big-endian" : "");
};

template <bool big_endian, class... Number>
std::shared_ptr<const Encoding> one_of(DType dtype) {
  static const std::array<std::shared_ptr<const Encoding>, sizeof...(Number)> all{
      std::make_shared<PlainNumbers<Number, big_endian>>()...};
  constexpr std::array dtypes{Number::kDType...};
  for (std::size_t i = 0; i < all.size(); ++i)
    if (dtypes[i] == dtype) return all[i];
  return nullptr;
}

}  // namespace

std::shared_ptr<const Encoding> plain_numbers(DType dtype) {
  return one_of<false, F32, F16, BF16, F8E4M3, F8E5M2>(dtype);
}

std::shared_ptr<const Encoding> big_endian_numbers(DType dtype) { return one_of<true, F32, F16, BF16>(dtype); }

}  // namespace garage
