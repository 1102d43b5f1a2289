// ggml's encodings against gguf's own code: tests/data/gguf/ggml-rows.safetensors has, of each type T, rows of blocks
// T.bytes (some of a real model, the others random, with every entry of a grid), T.big.bytes, the same as a big-endian
// machine has them, and T.numbers, which gguf 0.19 makes of them.
#include <bit>
#include <cmath>
#include <cstring>
#include <map>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/safetensors.hpp>

#include "../../../core/src/encoding/ggml/ggml_types.hpp"
#include "../../../core/src/encoding/plain_numbers.hpp"
#include "places.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;

namespace {

struct StoredRows {
  Encoding::Shape shape;
  std::string bytes;
  std::vector<std::uint32_t> numbers() const {
    std::vector<std::uint32_t> bits(bytes.size() / 4);
    std::memcpy(bits.data(), bytes.data(), bytes.size());
    return bits;
  }
};

const std::map<std::string, StoredRows>& all_rows() {
  static const auto rows = [] {
    const auto file = test_data("gguf/ggml-rows.safetensors");
    const auto header = read_safetensors_header(file);
    const auto whole = read_text(file);
    std::map<std::string, StoredRows> found;
    for (const auto& [tensor, begin, end] : header.entries)
      found[tensor.name] = {tensor.shape, whole.substr(header.data_begin + begin, end - begin)};
    return found;
  }();
  return rows;
}
const StoredRows& rows_named(const std::string& name) { return all_rows().at(name); }

Encoding::Piece piece_of(const std::string& bytes, std::size_t from = 0) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()) + from, bytes.size() - from};
}

// As bits, so that -0 is not 0.
std::vector<std::uint32_t> decoded(const Encoding& encoding, const Encoding::Shape& shape, Encoding::Piece piece,
                                   std::int64_t first, std::int64_t count) {
  std::vector<float> numbers(static_cast<std::size_t>(count * shape.back()));
  const std::vector pieces{piece};
  encoding.decode(shape, pieces, first, count, numbers.data());
  std::vector<std::uint32_t> bits;
  for (const auto number : numbers) bits.push_back(std::bit_cast<std::uint32_t>(number));
  return bits;
}

const GgmlType& type_named(std::string_view name) {
  for (std::uint32_t number = 0; number < 100; ++number)
    if (const auto* type = ggml_type(number); type && type->name == name) return *type;
  throw std::out_of_range(std::string(name));
}

constexpr auto kEncoded = {"Q4_0", "Q4_1",    "Q5_0",   "Q5_1",  "Q8_0",    "Q2_K",  "Q3_K",  "Q4_K",   "Q5_K",
                           "Q6_K", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ1_S", "IQ1_M",  "IQ4_NL",
                           "IQ4_XS", "TQ1_0", "TQ2_0",  "MXFP4", "NVFP4",   "Q1_0",  "Q2_0"};
bool has_grid(std::string_view name) { return name.starts_with("IQ") && !name.starts_with("IQ4"); }

}  // namespace

TEST_CASE("ggml: every encoding gives the numbers that gguf gives, bit for bit", "[encoding][ggml]") {
  for (const std::string name : kEncoded) {
    INFO(name);
    const auto encoding = ggml_encoding(type_named(name), false);
    REQUIRE(encoding);
    CHECK(encoding->name() == name);
    const auto& numbers = rows_named(name + ".numbers");
    CHECK(decoded(*encoding, numbers.shape, piece_of(rows_named(name + ".bytes").bytes), 0, numbers.shape[0]) == numbers.numbers());
  }
}

TEST_CASE("ggml: rows in the middle are decoded, from bytes at any alignment", "[encoding][ggml]") {
  for (const std::string name : kEncoded) {
    INFO(name);
    const auto& numbers = rows_named(name + ".numbers");
    const auto moved = "x" + rows_named(name + ".bytes").bytes;
    // Two rows are one of twice the length: [rows / 2, 512] as [rows / 4, 2, 512] would be.
    const Encoding::Shape shape{1, numbers.shape[0] / 2, 512};
    const auto whole = numbers.numbers();
    CHECK(decoded(*ggml_encoding(type_named(name), false), shape, piece_of(moved, 1), 1, 1) ==
          std::vector(whole.begin() + 512, whole.begin() + 1024));
  }
}

TEST_CASE("ggml: of a big-endian file the same numbers are read", "[encoding][ggml]") {
  for (const std::string name : kEncoded) {
    INFO(name);
    const auto encoding = ggml_encoding(type_named(name), true);
    if (has_grid(name)) {
      CHECK_FALSE(encoding);
      continue;
    }
    REQUIRE(encoding);
    CHECK(encoding->name() == name + ", big-endian");
    const auto& numbers = rows_named(name + ".numbers");
    CHECK(decoded(*encoding, numbers.shape, piece_of(rows_named(name + ".big.bytes").bytes), 0, numbers.shape[0]) == numbers.numbers());
  }
}

TEST_CASE("ggml: plain types are their dtype, in a big-endian file an encoding", "[encoding][ggml]") {
  for (const std::string name : {"F32", "F16", "BF16"}) {
    INFO(name);
    const auto& type = type_named(name);
    CHECK(to_string(type.plain.value()) == name);
    CHECK(is_plain(type, false));
    CHECK_FALSE(is_plain(type, true));
    CHECK_FALSE(ggml_encoding(type, false));
    const auto encoding = ggml_encoding(type, true);
    REQUIRE(encoding);
    CHECK(encoding->name() == name + ", big-endian");
    const auto& numbers = rows_named(name + ".numbers");
    CHECK(decoded(*encoding, numbers.shape, piece_of(rows_named(name + ".big.bytes").bytes), 0, numbers.shape[0]) == numbers.numbers());
  }
  for (const auto* name : {"I16", "I32", "I64", "F64"}) {
    INFO(name);
    CHECK(is_plain(type_named(name), false));
    CHECK_FALSE(is_plain(type_named(name), true));
    CHECK_FALSE(ggml_encoding(type_named(name), true));
  }
  CHECK(is_plain(type_named("I8"), true));
}

TEST_CASE("ggml: types that only pass through memory are known, and not decoded", "[encoding][ggml]") {
  for (const auto* name : {"Q8_1", "Q8_K"})
    for (const bool big_endian : {false, true}) {
      INFO(name);
      CHECK_FALSE(is_plain(type_named(name), big_endian));
      CHECK_FALSE(ggml_encoding(type_named(name), big_endian));
    }
}

TEST_CASE("ggml: the types are those of the published list", "[encoding][ggml]") {
  // gguf 0.19: [(t.value, t.name, *GGML_QUANT_SIZES[t]) for t in GGMLQuantizationType]
  struct Row { std::uint32_t number; const char* name; std::uint32_t numbers, bytes; };
  const std::vector<Row> rows{
      {0, "F32", 1, 4}, {1, "F16", 1, 2}, {2, "Q4_0", 32, 18}, {3, "Q4_1", 32, 20}, {6, "Q5_0", 32, 22},
      {7, "Q5_1", 32, 24}, {8, "Q8_0", 32, 34}, {9, "Q8_1", 32, 36}, {10, "Q2_K", 256, 84}, {11, "Q3_K", 256, 110},
      {12, "Q4_K", 256, 144}, {13, "Q5_K", 256, 176}, {14, "Q6_K", 256, 210}, {15, "Q8_K", 256, 292},
      {16, "IQ2_XXS", 256, 66}, {17, "IQ2_XS", 256, 74}, {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},
      {20, "IQ4_NL", 32, 18}, {21, "IQ3_S", 256, 110}, {22, "IQ2_S", 256, 82}, {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},
      {25, "I16", 1, 2}, {26, "I32", 1, 4}, {27, "I64", 1, 8}, {28, "F64", 1, 8}, {29, "IQ1_M", 256, 56},
      {30, "BF16", 1, 2}, {34, "TQ1_0", 256, 54}, {35, "TQ2_0", 256, 66}, {39, "MXFP4", 32, 17}, {40, "NVFP4", 64, 36},
      {41, "Q1_0", 128, 18}, {42, "Q2_0", 64, 18}};
  CHECK(ggml_type_count() == static_cast<int>(rows.size()));
  for (const auto& row : rows) {
    INFO(row.name);
    const auto* type = ggml_type(row.number);
    REQUIRE(type);
    CHECK(type->number == row.number);
    CHECK(type->name == row.name);
    CHECK(type->block_numbers == row.numbers);
    CHECK(type->block_bytes == row.bytes);
  }
  for (const auto number : {4U, 5U, 31U, 36U, 38U, 43U, 0x80000000U, 0xffffffffU}) CHECK_FALSE(ggml_type(number));
}

TEST_CASE("ggml: tensors that are stored in one way share their encoding", "[encoding][ggml]") {
  CHECK(ggml_encoding(*ggml_type(12), false) == ggml_encoding(*ggml_type(12), false));
  CHECK(ggml_encoding(*ggml_type(12), false) != ggml_encoding(*ggml_type(12), true));
}

TEST_CASE("plain numbers: rows of float32, whatever the dtype", "[encoding][plain-numbers]") {
  for (const auto dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kF8E4M3, DType::kF8E5M2}) {
    const std::string name(to_string(dtype));
    INFO(name);
    const auto encoding = plain_numbers(dtype);
    REQUIRE(encoding);
    CHECK(encoding->name() == name);
    CHECK(encoding == plain_numbers(dtype));
    const auto& numbers = rows_named(name + ".numbers");
    const auto want = numbers.numbers();
    const auto got = decoded(*encoding, numbers.shape, piece_of(rows_named(name + ".bytes").bytes), 0, numbers.shape[0]);
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < want.size(); ++i)
      if (!std::isnan(std::bit_cast<float>(want[i]))) CHECK(got[i] == want[i]);
      else CHECK(std::isnan(std::bit_cast<float>(got[i])));
  }
  const auto whole = rows_named("F16.numbers").numbers();
  CHECK(decoded(*plain_numbers(DType::kF16), {2, 128}, piece_of(rows_named("F16.bytes").bytes), 1, 1) ==
        std::vector(whole.begin() + 128, whole.begin() + 256));
}

TEST_CASE("plain numbers: what holds no floats of 32 bits or fewer is nobody's", "[encoding][plain-numbers]") {
  for (const auto dtype : {DType::kF64, DType::kI8, DType::kU8, DType::kBool, DType::kF4, DType::kF8E8M0, DType::kI64})
    CHECK_FALSE(plain_numbers(dtype));
  for (const auto dtype : {DType::kF64, DType::kF8E4M3, DType::kI32}) CHECK_FALSE(big_endian_numbers(dtype));
}
