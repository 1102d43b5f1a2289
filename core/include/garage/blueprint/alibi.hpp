#pragma once

#include <optional>
#include <string_view>

#include <garage/blueprint/faults.hpp>

namespace garage {

// Attention with linear biases (arXiv:2108.12409): a key's score grows with its position, by a slope that each head has.
// The slopes are those of transformers' build_alibi_tensor (modeling_bloom.py): of c heads, the largest power of 2 not
// above the number of heads, 2^(-max_bias i / c) for i = 1 ... c; of those that are left every second one of 2c heads'.
struct Alibi {
  static constexpr std::string_view kName = "alibi";

  double max_bias = 8;               // above 0
  std::optional<bool> in_bfloat16;   // slopes, positions and their product are rounded to bfloat16 (Falcon); null: no
  std::optional<double> scale;       // above 0: of what is added to a score (Falcon: 1 / sqrt(D))

  void check(Faults& faults) const {
    faults.above_0("max_bias", max_bias);
    faults.above_0("scale", scale);
  }
  friend bool operator==(const Alibi&, const Alibi&) = default;
};
BOOST_DESCRIBE_STRUCT(Alibi, (), (max_bias, in_bfloat16, scale))

}  // namespace garage
