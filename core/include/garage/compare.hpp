// Comparison: which parts of two models could be swapped, how far, and why not further. It is answered from blueprints;
// no weight is read.
//
// Threads  Reentrant.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include <garage/export.hpp>
#include <garage/json_writer.hpp>
#include <garage/spec.hpp>

namespace garage {

// How far one part may stand for another; each level holds what those before it ask.
enum class SwapLevel {
  none,       // its input or its output has another dimension
  drop_in,    // same dimensions: it can stand where the other stood
  weights,    // every tensor has the same shape, and each looks where the other does (one way, both ways, at an encoder):
              // weights can be copied, averaged, merged
  identical,  // the same blueprint but for tensor names: it computes the same function of the same weights
};
BOOST_DESCRIBE_ENUM(SwapLevel, none, drop_in, weights, identical)

// Why the level is not higher.
struct SwapReason {
  std::string field;  // "rope.theta", "q.bias", "ffn.up.weight"
  std::string a, b;   // its value there, as the spec spells it; "-" where it has none

  friend bool operator==(const SwapReason&, const SwapReason&) = default;
};
BOOST_DESCRIBE_STRUCT(SwapReason, (), (field, a, b))

// Parts that are alike within each model are told together: "attention_{0..31}", "attention_{0..24..2}" (every second).
struct Swap {
  std::string part_type;
  std::string a, b;
  SwapLevel level = SwapLevel::none;
  std::vector<SwapReason> reasons;  // empty when identical

  friend bool operator==(const Swap&, const Swap&) = default;
};
BOOST_DESCRIBE_STRUCT(Swap, (), (part_type, a, b, level, reasons))

// The Python registry's answer, from blueprints: parts of the first model that some part of the second may replace.
struct CompatibleParts {
  std::vector<std::string> same_dim;  // one line, when the hidden dimensions are equal
  std::vector<std::string> attention_compatible, ffn_compatible;
};
BOOST_DESCRIBE_STRUCT(CompatibleParts, (), (same_dim, attention_compatible, ffn_compatible))

struct Comparison {
  std::vector<std::string> models, families;  // of a, of b
  std::vector<std::int64_t> hidden_dims, num_layers, num_heads, vocab_sizes;
  CompatibleParts compatible_parts;
  std::vector<Swap> swaps;  // every kind of part of a with every kind of the same type of b, in the order of a
};
BOOST_DESCRIBE_STRUCT(Comparison, (),
                      (models, families, hidden_dims, num_layers, num_heads, vocab_sizes, compatible_parts, swaps))

// An empty list is an answer too.
template <>
inline constexpr bool kKeepsNull<Swap> = true;
template <>
inline constexpr bool kKeepsNull<CompatibleParts> = true;
template <>
inline constexpr bool kKeepsNull<Comparison> = true;

GARAGE_API Comparison compare(const ModelSpec& a, const ModelSpec& b);

// The best level of each part type that both have, in the order of a.
GARAGE_API std::vector<std::pair<std::string, SwapLevel>> levels_by_type(const Comparison& comparison);

}  // namespace garage
