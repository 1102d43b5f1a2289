#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <garage/blueprint/apart.hpp>
#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/linear.hpp>
#include <garage/blueprint/norm.hpp>
#include <garage/blueprint/part_ref.hpp>

namespace garage {

// output_scale * down(norm(activation(gate_scale * gate(x)) * up(x))), or down(norm(activation(up(x)))) without a gate
struct FeedForward {
  static constexpr std::string_view kName = "feed_forward";
  static constexpr auto kServesAs = kServes<PartRole::branch, PartRole::expert, PartRole::step>;

  std::string activation;  // transformers' name: "silu", "gelu", "gelu_new", "gelu_pytorch_tanh", ...
  std::optional<Linear> gate;
  Linear up;
  Linear down;
  Apart<Norm> down_norm;               // of what down is given (BitNet)
  std::optional<double> gate_scale;    // above 0 (Falcon-H1)
  std::optional<double> output_scale;  // above 0

  std::int64_t input() const { return up.in; }
  std::int64_t output() const { return down.out; }

  void check(Faults& faults) const {
    faults.present("activation", activation);
    faults.equal("down.in", down.in, up.out, "up.out");
    if (down_norm) faults.equal("down_norm.size", down_norm->size, up.out, "up.out");
    faults.above_0("gate_scale", gate_scale);
    faults.above_0("output_scale", output_scale);
    faults.require(gate || !gate_scale, "has a 'gate_scale' and no 'gate'");
    if (!gate) return;
    faults.equal("gate.in", gate->in, up.in, "up.in");
    faults.equal("gate.out", gate->out, up.out, "up.out");
  }
  friend bool operator==(const FeedForward&, const FeedForward&) = default;
};
BOOST_DESCRIBE_STRUCT(FeedForward, (), (activation, gate, up, down, down_norm, gate_scale, output_scale))

}  // namespace garage
