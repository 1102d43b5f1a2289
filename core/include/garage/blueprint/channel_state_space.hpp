#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <garage/blueprint/apart.hpp>
#include <garage/blueprint/causal_convolution.hpp>
#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/linear.hpp>
#include <garage/blueprint/norm.hpp>
#include <garage/blueprint/part_ref.hpp>
#include <garage/blueprint/tensor_ref.hpp>

namespace garage {

// Mamba's mixer, whose every channel has a state of its own (arXiv:2312.00752; transformers: MambaMixer.slow_forward,
// FalconMambaMixer and JambaMambaMixer with norms).
//
//   x, gate = in(input)                     rows of x, then of the gate
//   x = activation(convolution(x))
//   dt, b, c = select(x)                    rows of dt, then state rows of b, then of c; each through its norm
//   dt = softplus(step(dt))
//   S = exp(-exp(rate) dt) S + dt b x       token by token; S is [channels, state]
//   y = c S + skip x
//   o(y activation(gate))
struct ChannelStateSpace {
  static constexpr std::string_view kName = "channel_state_space";
  static constexpr auto kServesAs = kServes<PartRole::branch>;

  std::int64_t state = 0;  // numbers that a channel remembers
  std::string activation;  // transformers' name, as a feed-forward's
  Linear in;               // to 2 * convolution.channels
  CausalConvolution convolution;
  Linear select;                        // to step.in + 2 * state
  Linear step;                          // from few to convolution.channels
  Apart<Norm> dt_norm, b_norm, c_norm;  // over [step.in], [state], [state]
  TensorRef rate;                       // [channels, state]: A_log
  TensorRef skip;                       // [channels]: D
  Linear o;                             // from convolution.channels

  std::int64_t input() const { return in.in; }
  std::int64_t output() const { return o.out; }

  template <class Each>
  void each_tensor(Each each) const {
    each("rate", rate, TensorShape{convolution.channels, state});
    each("skip", skip, TensorShape{convolution.channels});
  }
  void check(Faults& faults) const;
  friend bool operator==(const ChannelStateSpace&, const ChannelStateSpace&) = default;
};
BOOST_DESCRIBE_STRUCT(ChannelStateSpace, (),
                      (state, activation, in, convolution, select, step, dt_norm, b_norm, c_norm, rate, skip, o))

}  // namespace garage
