// CausalConvolution: what state spaces and short convolutions have before, or in place of, a recurrence.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <garage/blueprint/apart.hpp>
#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/tensor_ref.hpp>

namespace garage {

// y[t] = bias + sum of weight[i] * x[t - kernel + 1 + i]: of each channel by itself, over the positions up to each.
struct CausalConvolution {
  static constexpr auto kSizes = std::to_array<std::string_view>({"channels", "kernel"});

  std::int64_t channels = 0;
  std::int64_t kernel = 0;  // positions that are summed, the token's own included
  TensorRef weight;         // [channels, kernel], whose last column is the token's own
  Apart<TensorRef> bias;    // [channels]

  template <class Each>
  void each_tensor(Each each) const {
    each("weight", weight, TensorShape{channels, kernel});
    if (bias) each("bias", *bias, TensorShape{channels});
  }
  void check(Faults& faults) const {
    faults.present("channels", channels);
    faults.present("kernel", kernel);
    faults.product("weight", {channels, kernel});
    faults.present("weight", weight);
    faults.present_if_any("bias", bias);
  }
  friend bool operator==(const CausalConvolution&, const CausalConvolution&) = default;
};
BOOST_DESCRIBE_STRUCT(CausalConvolution, (), (channels, kernel, weight, bias))

}  // namespace garage
