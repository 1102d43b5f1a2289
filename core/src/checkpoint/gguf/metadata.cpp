// The layout (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), of a pair:
//
//   text    its key
//   uint32  the type of its value: GgufValueType
//   value   a number; bool: a byte, 0 or 1; text: uint64 bytes, then so many; array: uint32 the type of its elements,
//           uint64 how many, then these
#include "metadata.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "../../text/utf8.hpp"

namespace garage {
namespace {

constexpr auto kTypeNames =
    std::to_array<std::string_view>({"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "bool", "text",
                                     "array", "uint64", "int64", "float64"});
constexpr int kDeepest = 4;                                // arrays in arrays; llama.cpp reads none
constexpr std::uint64_t kLeastText = 8, kLeastArray = 12;  // bytes

// Calls use<Stored, Widest>() with what a number of that type is stored as. Requires: neither text nor array.
template <class Use>
auto with_types(GgufValueType type, Use use) {
  using enum GgufValueType;
  switch (type) {
    case kUint8: return use.template operator()<std::uint8_t, std::uint64_t>();
    case kInt8: return use.template operator()<std::int8_t, std::int64_t>();
    case kUint16: return use.template operator()<std::uint16_t, std::uint64_t>();
    case kInt16: return use.template operator()<std::int16_t, std::int64_t>();
    case kUint32: return use.template operator()<std::uint32_t, std::uint64_t>();
    case kInt32: return use.template operator()<std::int32_t, std::int64_t>();
    case kFloat32: return use.template operator()<float, double>();
    case kUint64: return use.template operator()<std::uint64_t, std::uint64_t>();
    case kInt64: return use.template operator()<std::int64_t, std::int64_t>();
    case kFloat64: return use.template operator()<double, double>();
    default: return use.template operator()<std::uint8_t, bool>();
  }
}

class Pairs {
 public:
  explicit Pairs(HeaderCursor& cursor) : cursor_(cursor) {}

  void read_into(GgufMetadata& metadata, std::uint64_t number) {
    auto key = cursor_.name(fmt::format("metadata {}", number));
    what_ = fmt::format("metadata '{}'", key);
    const auto type = type_of("has");
    if (key == kGgufAlignment && type != GgufValueType::kUint32)
      fail(fmt::format("is of type {}, should be uint32", to_string(type)));
    auto value = read_value(type);
    if (!metadata.emplace(std::move(key), std::move(value)).second) fail("stands twice in the header");
  }

 private:
  [[noreturn]] void fail(const std::string& fault) const { cursor_.fail(fmt::format("{} {}", what_, fault)); }

  GgufValueType type_of(const char* has) {
    const auto number = cursor_.number<std::uint32_t>(what_);
    if (number >= kTypeNames.size())
      fail(fmt::format("{} type {}, the types of GGUF are 0 to {}", has, number, kTypeNames.size() - 1));
    return static_cast<GgufValueType>(number);
  }

  template <class Stored, class Widest>
  Widest number() {
    const auto stored = cursor_.number<Stored>(what_);
    if (std::is_same_v<Widest, bool> && stored != 0 && stored != 1)
      fail(fmt::format("has {} for a bool, should be 0 or 1", stored));
    return static_cast<Widest>(stored);
  }

  GgufValue read_value(GgufValueType type) {
    if (type == GgufValueType::kArray) return read_array();
    if (type == GgufValueType::kText) {
      auto text = cursor_.text(what_);
      return is_utf8(text) ? std::move(text) : utf8_label(text);
    }
    return with_types(type, [&]<class Stored, class Widest>() -> GgufValue { return number<Stored, Widest>(); });
  }

  // Its head, and whether so many elements can be there at all.
  GgufArray begin_array() {
    GgufArray array{type_of("is an array of"), cursor_.number<std::uint64_t>(what_)};
    const auto most = cursor_.left() / least_bytes(array.type);
    if (array.count > most)
      fail(fmt::format("is an array of {} {}, the {} bytes that the file has left hold {} at most", array.count,
                       to_string(array.type), cursor_.left(), most));
    return array;
  }

  GgufArray read_array() {
    auto array = begin_array();
    const bool kept = has_numbers(array) && array.count <= std::min(GgufArray::kMostKept, GgufArray::kAllKept - kept_);
    if (!kept) {
      pass_over(array, 1);
      return array;
    }
    kept_ += array.count;
    with_types(array.type, [&]<class Stored, class Widest>() {
      auto& elements = array.elements.emplace<std::vector<Widest>>();
      for (std::uint64_t i = 0; i < array.count; ++i) elements.push_back(number<Stored, Widest>());
    });
    return array;
  }

  void pass_over(const GgufArray& array, int depth) {
    if (has_numbers(array)) return cursor_.skip(array.count * least_bytes(array.type), what_);
    if (array.type == GgufValueType::kArray && depth == kDeepest)
      fail(fmt::format("has arrays in arrays, more than {} deep", kDeepest));
    for (std::uint64_t i = 0; i < array.count; ++i)
      if (array.type == GgufValueType::kText) cursor_.skip(cursor_.number<std::uint64_t>(what_), what_);
      else pass_over(begin_array(), depth + 1);
  }

  static bool has_numbers(const GgufArray& array) noexcept {
    return array.type != GgufValueType::kText && array.type != GgufValueType::kArray;
  }
  static std::uint64_t least_bytes(GgufValueType type) {
    if (type == GgufValueType::kText) return kLeastText;
    if (type == GgufValueType::kArray) return kLeastArray;
    return with_types(type, []<class Stored, class>() { return std::uint64_t{sizeof(Stored)}; });
  }

  HeaderCursor& cursor_;
  std::string what_;        // the pair, for messages
  std::uint64_t kept_ = 0;  // elements of arrays
};

}  // namespace

std::string_view to_string(GgufValueType type) noexcept { return kTypeNames[static_cast<std::size_t>(type)]; }

GgufMetadata read_gguf_metadata(HeaderCursor& cursor, std::uint64_t count) {
  GgufMetadata metadata;
  Pairs pairs(cursor);
  for (std::uint64_t i = 0; i < count; ++i) pairs.read_into(metadata, i);
  return metadata;
}

}  // namespace garage
