#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <garage/blueprint/apart.hpp>
#include <garage/blueprint/causal_convolution.hpp>
#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/linear.hpp>
#include <garage/blueprint/norm.hpp>
#include <garage/blueprint/part_ref.hpp>
#include <garage/blueprint/tensor_ref.hpp>

namespace garage {

// Mamba 2's mixer, whose every head has a state of its own (arXiv:2405.21060; transformers: Mamba2Mixer.torch_forward).
// I is heads * head_dim, N groups * state; heads / groups heads share one b and c.
//
//   gate, x, b, c, dt = in(input_scale * input) * segment_scales       rows [I, I, N, N, heads]
//   x, b, c = activation(convolution(x, b, c))
//   dt = clamp(softplus(dt + dt_bias), dt_min, dt_max)
//   S = exp(-exp(rate) dt) S + dt x b^T                                token by token; S is [head_dim, state]
//   y = S c + skip x
//   o(norm(y silu(gate)))      or o(norm(y) silu(gate)) where norm_before_gate, or o(y silu(gate)) without a norm
struct HeadStateSpace {
  static constexpr std::string_view kName = "head_state_space";
  static constexpr auto kServesAs = kServes<PartRole::branch>;

  std::int64_t heads = 0, head_dim = 0;
  std::int64_t groups = 0;  // divide the heads evenly
  std::int64_t state = 0;   // numbers that each dimension of a head remembers
  std::string activation;   // of the convolution; transformers' name, as a feed-forward's
  Linear in;
  CausalConvolution convolution;  // of I + 2 N channels
  TensorRef dt_bias;              // [heads]
  TensorRef rate;                 // [heads]: A_log
  TensorRef skip;                 // [heads]: D
  Apart<Norm> norm;               // rms, over [I]
  std::optional<std::int64_t> norm_groups;  // I / norm_groups numbers are scaled together; null: all of them
  std::optional<bool> norm_before_gate;     // null: the gate comes first
  std::optional<double> dt_min, dt_max;     // null: no bound
  std::optional<double> input_scale;        // above 0 (Falcon-H1)
  std::vector<double> segment_scales;       // of gate, x, b, c, dt (Falcon-H1); empty: none
  Linear o;                                 // from I

  std::int64_t input() const { return in.in; }
  std::int64_t output() const { return o.out; }

  template <class Each>
  void each_tensor(Each each) const {
    each("dt_bias", dt_bias, TensorShape{heads});
    each("rate", rate, TensorShape{heads});
    each("skip", skip, TensorShape{heads});
  }
  void check(Faults& faults) const;
  friend bool operator==(const HeadStateSpace&, const HeadStateSpace&) = default;
};
BOOST_DESCRIBE_STRUCT(HeadStateSpace, (),
                      (heads, head_dim, groups, state, activation, in, convolution, dt_bias, rate, skip, norm,
                       norm_groups, norm_before_gate, dt_min, dt_max, input_scale, segment_scales, o))

}  // namespace garage
