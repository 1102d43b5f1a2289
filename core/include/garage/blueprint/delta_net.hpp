#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/linear.hpp>
#include <garage/blueprint/norm.hpp>
#include <garage/blueprint/part_ref.hpp>
#include <garage/blueprint/tensor_ref.hpp>

namespace garage {

// Gated delta net (arXiv:2412.06464; transformers: Qwen3NextGatedDeltaNet): an attention without a softmax, whose
// memory is one matrix a head. q, k and v pass a causal convolution of each channel and a silu; q and k of each head are
// divided by their length, and q by the root of key_dim; each key head serves value_heads / key_heads value heads. Token
// by token
//
//   S = S exp(-exp(rate) softplus(decay(x) + decay_bias))
//   S = S + k (sigmoid(beta(x)) (v - k^T S))^T
//   y = S^T q
//
// then o(norm(y) silu(gate(x))).
struct DeltaNet {
  static constexpr std::string_view kName = "delta_net";
  static constexpr auto kServesAs = kServes<PartRole::branch>;

  std::int64_t key_heads = 0, value_heads = 0;  // value_heads is a multiple of key_heads
  std::int64_t key_dim = 0, value_dim = 0;      // of a head
  std::int64_t kernel = 0;                      // positions that a convolution sees, the token's own included
  Linear q, k;                                  // to key_heads * key_dim
  Linear v, gate;                               // to value_heads * value_dim
  Linear beta, decay;                           // to value_heads
  TensorRef q_conv, k_conv, v_conv;             // [q.out, kernel], [k.out, kernel], [v.out, kernel]
  TensorRef rate, decay_bias;                   // [value_heads]: A_log and dt_bias
  Norm norm;                                    // of each head, over [value_dim]
  Linear o;                                     // from value_heads * value_dim
  std::optional<double> beta_scale;             // above 0: of sigmoid(beta(x)) (OLMo hybrid: 2)

  std::int64_t input() const { return q.in; }
  std::int64_t output() const { return o.out; }

  template <class Each>
  void each_tensor(Each each) const {
    each("q_conv", q_conv, TensorShape{q.out, kernel});
    each("k_conv", k_conv, TensorShape{k.out, kernel});
    each("v_conv", v_conv, TensorShape{v.out, kernel});
    each("rate", rate, TensorShape{value_heads});
    each("decay_bias", decay_bias, TensorShape{value_heads});
  }
  void check(Faults& faults) const;
  friend bool operator==(const DeltaNet&, const DeltaNet&) = default;
};
BOOST_DESCRIBE_STRUCT(DeltaNet, (),
                      (key_heads, value_heads, key_dim, value_dim, kernel, q, k, v, gate, beta, decay, q_conv, k_conv,
                       v_conv, rate, decay_bias, norm, o, beta_scale))

}  // namespace garage
