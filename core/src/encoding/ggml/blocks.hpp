// Blocks: so many numbers of a row in so many bytes, with a scale, or several, that they share. Each group of ggml's
// encodings is a file here, which says how their blocks are laid out and decodes them; ggml_types.cpp lists them.
//
// What each computes, and in which order, is what gguf's Python does (gguf/quants.py, dequantize_blocks; llama.cpp's C
// gives the same bits), so that every number is the same, bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include <garage/array.hpp>

#include "../numbers.hpp"

namespace garage::ggml {

struct BlockDecoders {
  // count blocks, one after another and at any alignment.
  using Decode = void (*)(const std::uint8_t* blocks, std::size_t count, float* out);
  // U8 [n, bytes of a block] -> F32 of n times its numbers, in whatever shape: the same bits.
  using DecodeArray = std::function<Array(const Array& blocks)>;
  // Makes its tables on the device where `like`, any array, is.
  using OnDevice = DecodeArray (*)(const Array& like);

  Decode little, big;  // of a little-endian file and of a big-endian one; null: nobody here does
  OnDevice on_device;  // of a little-endian file; null: nobody has said how
};

extern const BlockDecoders kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ8_0;  // legacy_blocks.cpp
extern const BlockDecoders kQ2_K, kQ3_K, kQ4_K, kQ5_K, kQ6_K;  // k_blocks.cpp
extern const BlockDecoders kIQ4_NL, kIQ4_XS;                   // iq4_blocks.cpp
extern const BlockDecoders kMXFP4, kNVFP4;                     // fp4_blocks.cpp
extern const BlockDecoders kQ1_0, kQ2_0, kTQ1_0, kTQ2_0;       // few_bits_blocks.cpp
extern const BlockDecoders kIQ2_XXS, kIQ2_XS, kIQ2_S;          // grid_blocks.cpp
extern const BlockDecoders kIQ3_XXS, kIQ3_S, kIQ1_S, kIQ1_M;   // grid_blocks.cpp

// In which order a file has the bytes of a number. Only what is wider than a byte has one.
struct LittleEndian {
  template <class T>
  static T load(const std::uint8_t* at) noexcept {
    return garage::load<T>(at);
  }
};
struct BigEndian {
  template <class T>
  static T load(const std::uint8_t* at) noexcept {
    return load_swapped<T>(at);
  }
};

template <class Order>
float half_at(const std::uint8_t* at) noexcept {
  return float_of_half(Order::template load<std::uint16_t>(at));
}

// Block: kBytes, kNumbers, decode<Order>(block, out), and on(like), which is a DecodeArray.
template <class Block, class Order>
void decode_blocks(const std::uint8_t* blocks, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i)
    Block::template decode<Order>(blocks + i * Block::kBytes, out + i * Block::kNumbers);
}

template <class Block>
BlockDecoders::DecodeArray decode_arrays(const Array& like) {
  return Block::on(like);
}

template <class Block>
inline constexpr BlockDecoders kInBothOrders{decode_blocks<Block, LittleEndian>, decode_blocks<Block, BigEndian>,
                                             decode_arrays<Block>};

}  // namespace garage::ggml
