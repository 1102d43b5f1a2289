#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <garage/blueprint/apart.hpp>
#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/linear.hpp>
#include <garage/blueprint/part_ref.hpp>

namespace garage {

// The sum of what the chosen experts make of a token, each times its weight, or of the token times it. Router and experts
// are parts of their own.
struct Mixture {
  static constexpr std::string_view kName = "mixture";
  static constexpr auto kServesAs = kServes<PartRole::branch>;

  PartRef<PartRole::router> router;
  std::vector<PartRef<PartRole::expert>> experts;  // in the order of the router's scores
  std::optional<PartRef<PartRole::expert>> shared_expert;  // every token visits it
  std::optional<Linear> shared_expert_gate;                // to 1, through a sigmoid
  std::optional<bool> weighs_input;                        // expert(weight * x) (Llama 4); null: weight * expert(x)
  std::optional<PartRef<PartRole::norm>> norm;  // of what experts see; the router reads what comes in (Gemma 4)
  // Experts live on fewer numbers: up(sum of experts(down(x))). The shared expert sees x (Nemotron-H).
  Apart<Linear> down, up;

  void check(Faults& faults) const {
    faults.present("router", router.part);
    faults.require(!experts.empty(), "has no 'experts'");
    faults.require(down.has_value() == up.has_value(), "has 'down' or 'up', and not both");
    if (!shared_expert_gate) return;
    faults.require(shared_expert.has_value(), "has a shared_expert_gate and no 'shared_expert'");
    faults.equal("shared_expert_gate.out", shared_expert_gate->out, 1, "a share");
  }
  friend bool operator==(const Mixture&, const Mixture&) = default;
};
BOOST_DESCRIBE_STRUCT(Mixture, (), (router, experts, shared_expert, shared_expert_gate, weighs_input, norm, down, up))

}  // namespace garage
