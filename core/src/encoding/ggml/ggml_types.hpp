// The types that ggml numbers: what a GGUF file says of each of its tensors.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <garage/dtype.hpp>
#include <garage/encoding.hpp>

namespace garage {

namespace ggml {
struct BlockDecoders;
}

struct GgmlType {
  std::uint32_t number;
  std::string_view name;        // "Q4_K"
  std::uint32_t block_numbers;  // a row is whole blocks, so many numbers each, one block after another
  std::uint32_t block_bytes;    // that such a block takes
  std::optional<DType> plain;   // numbers of that dtype, one after another; else blocks, which stand for F32
  const ggml::BlockDecoders* blocks = nullptr;  // null: plain, or nobody here decodes it
};

// Null: not in the published list (gguf-py 0.19: gguf/constants.py, GGMLQuantizationType), or taken out of it.
const GgmlType* ggml_type(std::uint32_t number) noexcept;

// How many are in the list.
int ggml_type_count() noexcept;

// Whether the bytes of a tensor are those of the dtype `plain`, as a safetensors file would have them.
bool is_plain(const GgmlType& type, bool big_endian) noexcept;

// How its rows are decoded; one object for all that ask. Its one piece is the tensor's bytes, row after row. What a
// big-endian file has in another order than a little-endian one is another encoding, with another name: "Q4_K,
// big-endian". Null where nothing is to be decoded (is_plain), and where nobody here does: Q8_1 and Q8_K, in which
// nothing is kept; of a big-endian file what has a grid (IQ1, IQ2, IQ3), and numbers of 64 bits or without fraction.
std::shared_ptr<const Encoding> ggml_encoding(const GgmlType& type, bool big_endian);

}  // namespace garage
