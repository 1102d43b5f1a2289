// Linear: y = x weight^T + bias, and what else may project.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include <garage/blueprint/apart.hpp>
#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/norm.hpp>
#include <garage/blueprint/part_ref.hpp>
#include <garage/blueprint/tensor_ref.hpp>

namespace garage {

struct Linear {
  static constexpr std::string_view kName = "linear";
  static constexpr auto kServesAs = kServes<PartRole::branch, PartRole::step>;
  static constexpr auto kSizes = std::to_array<std::string_view>({"in", "out"});

  std::int64_t in = 0, out = 0;
  TensorRef weight;       // [out, in]
  Apart<TensorRef> bias;  // [out]

  std::int64_t input() const { return in; }
  std::int64_t output() const { return out; }

  template <class Each>
  void each_tensor(Each each) const {
    each("weight", weight, TensorShape{out, in});
    if (bias) each("bias", *bias, TensorShape{out});
  }
  void check(Faults& faults) const {
    faults.present("in", in);
    faults.present("out", out);
    faults.product("weight", {out, in});
    faults.present("weight", weight);
    faults.present_if_any("bias", bias);
  }
  friend bool operator==(const Linear&, const Linear&) = default;
};
BOOST_DESCRIBE_STRUCT(Linear, (), (in, out, weight, bias))

// y = up(norm(down(x))): through few dimensions (LoRA-like q of DeepSeek 2 and 3).
struct LowRank {
  static constexpr std::string_view kName = "low_rank";

  Linear down;
  Apart<Norm> norm;  // over [down.out]
  Linear up;

  void check(Faults& faults) const {
    faults.equal("up.in", up.in, down.out, "down.out");
    if (norm) faults.equal("norm.size", norm->size, down.out, "down.out");
  }
  friend bool operator==(const LowRank&, const LowRank&) = default;
};
BOOST_DESCRIBE_STRUCT(LowRank, (), (down, norm, up))

// In a document a Linear stands as it is, any other as {"low_rank": {...}}.
using Projection = std::variant<Linear, LowRank>;

inline std::int64_t input_of(const Projection& projection) {
  const auto* low = std::get_if<LowRank>(&projection);
  return low ? low->down.in : std::get<Linear>(projection).in;
}
inline std::int64_t output_of(const Projection& projection) {
  const auto* low = std::get_if<LowRank>(&projection);
  return low ? low->up.out : std::get<Linear>(projection).out;
}

}  // namespace garage
