#pragma once

#include <cstdint>
#include <string_view>

#include <garage/blueprint/causal_convolution.hpp>
#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/linear.hpp>
#include <garage/blueprint/part_ref.hpp>

namespace garage {

// A convolution between two gates (transformers: Lfm2ShortConv).
//
//   b, c, x = in(input)        rows of b, then of c, then of x
//   y = o(c * convolution(b * x))
struct ShortConvolution {
  static constexpr std::string_view kName = "short_convolution";
  static constexpr auto kServesAs = kServes<PartRole::branch>;

  Linear in;  // to 3 * convolution.channels
  CausalConvolution convolution;
  Linear o;  // from convolution.channels

  std::int64_t input() const { return in.in; }
  std::int64_t output() const { return o.out; }

  void check(Faults& faults) const {
    faults.equal("in.out", in.out, faults.product("in", {3, convolution.channels}), "3 x convolution.channels");
    faults.equal("o.in", o.in, convolution.channels, "convolution.channels");
  }
  friend bool operator==(const ShortConvolution&, const ShortConvolution&) = default;
};
BOOST_DESCRIBE_STRUCT(ShortConvolution, (), (in, convolution, o))

}  // namespace garage
