// bitsandbytes: LLM.int8() and the 4-bit types.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <garage/dtype.hpp>
#include <garage/encoding.hpp>

namespace garage {

// Of a tensor [rows, columns]. Extents: weight I8 [rows, columns], SCB [rows] (F32, F16 or BF16).
std::shared_ptr<const Encoding> bitsandbytes_int8(DType scales);

struct Bitsandbytes4Bit {
  std::int64_t block = 64;  // numbers that share a scale, counted through the whole tensor
  // Scales that are quantised themselves.
  struct Nested {
    std::int64_t block = 256;  // scales
    float offset = 0;          // that is added to each
    friend bool operator==(const Nested&, const Nested&) = default;
  };
  std::optional<Nested> nested = {};

  friend bool operator==(const Bitsandbytes4Bit&, const Bitsandbytes4Bit&) = default;
};

// Extents: the numbers, (numbers + 1) / 2 bytes; absmax, F32 [blocks], or U8 where nested; quant_map F32 [16]; where
// nested nested_absmax F32 [blocks of scales] and nested_quant_map F32 [256]. name: static storage.
std::shared_ptr<const Encoding> bitsandbytes_4bit(std::string_view name, const Bitsandbytes4Bit& layout);

}  // namespace garage
