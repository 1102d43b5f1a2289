#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/linear.hpp>
#include <garage/blueprint/part_ref.hpp>

namespace garage {

// down(activation(gate(x)) * up(x)), or down(activation(up(x))) without a gate
struct FeedForward {
  static constexpr std::string_view kName = "feed_forward";
  static constexpr auto kServesAs = kServes<PartRole::branch, PartRole::expert, PartRole::step>;

  std::string activation;  // transformers' name: "silu", "gelu", "gelu_new", "gelu_pytorch_tanh", ...
  std::optional<Linear> gate;
  Linear up;
  Linear down;

  std::int64_t input() const { return up.in; }
  std::int64_t output() const { return down.out; }

  void check(Faults& faults) const {
    faults.present("activation", activation);
    faults.equal("down.in", down.in, up.out, "up.out");
    if (!gate) return;
    faults.equal("gate.in", gate->in, up.in, "up.in");
    faults.equal("gate.out", gate->out, up.out, "up.out");
  }
  friend bool operator==(const FeedForward&, const FeedForward&) = default;
};
BOOST_DESCRIBE_STRUCT(FeedForward, (), (activation, gate, up, down))

}  // namespace garage
