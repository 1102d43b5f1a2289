#include "ggml_types.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "../plain_numbers.hpp"
#include "blocks.hpp"

namespace garage {
namespace {

using namespace ggml;

// gguf-py 0.19: gguf/constants.py, GGMLQuantizationType and GGML_QUANT_SIZES. By number.
constexpr auto kTypes = std::to_array<GgmlType>({
    {0, "F32", 1, 4, DType::kF32},
    {1, "F16", 1, 2, DType::kF16},
    {2, "Q4_0", 32, 18, {}, &kQ4_0},
    {3, "Q4_1", 32, 20, {}, &kQ4_1},
    {6, "Q5_0", 32, 22, {}, &kQ5_0},
    {7, "Q5_1", 32, 24, {}, &kQ5_1},
    {8, "Q8_0", 32, 34, {}, &kQ8_0},
    {9, "Q8_1", 32, 36, {}},
    {10, "Q2_K", 256, 84, {}, &kQ2_K},
    {11, "Q3_K", 256, 110, {}, &kQ3_K},
    {12, "Q4_K", 256, 144, {}, &kQ4_K},
    {13, "Q5_K", 256, 176, {}, &kQ5_K},
    {14, "Q6_K", 256, 210, {}, &kQ6_K},
    {15, "Q8_K", 256, 292, {}},
    {16, "IQ2_XXS", 256, 66, {}, &kIQ2_XXS},
    {17, "IQ2_XS", 256, 74, {}, &kIQ2_XS},
    {18, "IQ3_XXS", 256, 98, {}, &kIQ3_XXS},
    {19, "IQ1_S", 256, 50, {}, &kIQ1_S},
    {20, "IQ4_NL", 32, 18, {}, &kIQ4_NL},
    {21, "IQ3_S", 256, 110, {}, &kIQ3_S},
    {22, "IQ2_S", 256, 82, {}, &kIQ2_S},
    {23, "IQ4_XS", 256, 136, {}, &kIQ4_XS},
    {24, "I8", 1, 1, DType::kI8},
    {25, "I16", 1, 2, DType::kI16},
    {26, "I32", 1, 4, DType::kI32},
    {27, "I64", 1, 8, DType::kI64},
    {28, "F64", 1, 8, DType::kF64},
    {29, "IQ1_M", 256, 56, {}, &kIQ1_M},
    {30, "BF16", 1, 2, DType::kBF16},
    {34, "TQ1_0", 256, 54, {}, &kTQ1_0},
    {35, "TQ2_0", 256, 66, {}, &kTQ2_0},
    {39, "MXFP4", 32, 17, {}, &kMXFP4},
    {40, "NVFP4", 64, 36, {}, &kNVFP4},
    {41, "Q1_0", 128, 18, {}, &kQ1_0},
    {42, "Q2_0", 64, 18, {}, &kQ2_0},
});

class GgmlEncoding final : public Encoding {
 public:
  GgmlEncoding(const GgmlType& type, BlockDecoders::Decode decode, BlockDecoders::OnDevice on_device, const char* order)
      : type_(type), decode_(decode), on_device_(on_device), name_(std::string(type.name) + order) {}

  std::string_view name() const noexcept override { return name_; }

  void decode(const Shape& shape, std::span<const Piece> pieces, std::int64_t first, std::int64_t count,
              float* out) const override {
    const auto blocks_in_row = static_cast<std::size_t>(rows_of(shape).columns) / type_.block_numbers;
    decode_(pieces[0].data() + static_cast<std::size_t>(first) * blocks_in_row * type_.block_bytes,
            static_cast<std::size_t>(count) * blocks_in_row, out);
  }

  OnDevice on_device(const Shape& shape, std::span<const Piece>, std::span<const Array> there) const override {
    if (!on_device_) return {};
    const auto columns = rows_of(shape).columns, block_bytes = std::int64_t{type_.block_bytes};
    const auto blocks_in_row = columns / type_.block_numbers;
    return {[=, all = there[0], decode = on_device_(there[0])](std::int64_t first, std::int64_t count) {
      const auto rows = all.narrow(0, first * blocks_in_row * block_bytes, count * blocks_in_row * block_bytes);
      return decode(rows.view({count * blocks_in_row, block_bytes})).view({count, columns});
    }};
  }

 private:
  const GgmlType& type_;
  BlockDecoders::Decode decode_;
  BlockDecoders::OnDevice on_device_;
  std::string name_;
};

struct InEitherOrder {
  std::shared_ptr<const Encoding> little, big;
};

InEitherOrder make_encodings(const GgmlType& type) {
  if (type.plain) return {nullptr, is_plain(type, true) ? nullptr : big_endian_numbers(*type.plain)};
  if (!type.blocks) return {};
  const auto& [little, big, on_device] = *type.blocks;
  return {little ? std::make_shared<const GgmlEncoding>(type, little, on_device, "") : nullptr,
          big ? std::make_shared<const GgmlEncoding>(type, big, nullptr, ", big-endian") : nullptr};
}

}  // namespace

const GgmlType* ggml_type(std::uint32_t number) noexcept {
  const auto found =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& type) { return type.number == number; });
  return found == kTypes.end() ? nullptr : &*found;
}

int ggml_type_count() noexcept { return static_cast<int>(kTypes.size()); }

bool is_plain(const GgmlType& type, bool big_endian) noexcept {
  return type.plain && (!big_endian || type.block_bytes == 1);
}

std::shared_ptr<const Encoding> ggml_encoding(const GgmlType& type, bool big_endian) {
  static const auto kEncodings = [] {
    std::array<InEitherOrder, kTypes.size()> encodings;
    std::transform(kTypes.begin(), kTypes.end(), encodings.begin(), make_encodings);
    return encodings;
  }();
  const auto& [little, big] = kEncodings[static_cast<std::size_t>(&type - kTypes.data())];
  return big_endian ? big : little;
}

}  // namespace garage
