// The metadata of a GGUF file: keys and values.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "header_cursor.hpp"

namespace garage {

// By the numbers of the format.
enum class GgufValueType : std::uint32_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kText,
  kArray,
  kUint64,
  kInt64,
  kFloat64,
};
std::string_view to_string(GgufValueType type) noexcept;  // "uint8"

struct GgufArray {
  static constexpr std::uint64_t kMostKept = 65'536;  // elements, of one array
  static constexpr std::uint64_t kAllKept = 1 << 20;  // elements, of all arrays of a file; of later ones none are

  GgufValueType type{};     // of its elements
  std::uint64_t count = 0;  // of its elements
  // The elements, each as its widest kin. Nothing: texts, arrays, or too many.
  std::variant<std::monostate, std::vector<std::uint64_t>, std::vector<std::int64_t>, std::vector<double>,
               std::vector<bool>>
      elements = {};
};

// A number as its widest kin. Text that is not UTF-8 has %XX for each byte that is none.
using GgufValue = std::variant<std::uint64_t, std::int64_t, double, bool, std::string, GgufArray>;
using GgufMetadata = std::map<std::string, GgufValue, std::less<>>;

inline constexpr std::string_view kGgufAlignment = "general.alignment";

// count pairs, of which the next byte is the first one's.
// Throws kCorrupt: cut off, a key that is empty, too long, no UTF-8 or there twice, a type that is none, a bool that is
// neither 0 nor 1, arrays in arrays in arrays, an alignment that is no uint32.
GgufMetadata read_gguf_metadata(HeaderCursor& cursor, std::uint64_t count);

}  // namespace garage
