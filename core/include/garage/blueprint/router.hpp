// Router: which experts a token visits, and how much each counts. By itself it gives the scores, before any choice.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/linear.hpp>
#include <garage/blueprint/part_ref.hpp>

namespace garage {

enum class Scoring {
  softmax,      // over all experts, then the best top_k
  sigmoid,      // of each, then the best top_k
  sparsemixer,  // the best, then the best of the rest, each by a softmax of its own (modeling_phimoe.py)
};
BOOST_DESCRIBE_ENUM(Scoring, softmax, sigmoid, sparsemixer)

struct Router {
  static constexpr std::string_view kName = "router";
  static constexpr auto kServesAs = kServes<PartRole::router>;
  static constexpr auto kNeeds = std::to_array<std::string_view>({"scoring"});
  static constexpr std::string_view kUnnamed = "scores";  // the member whose tensors bear no prefix

  Linear scores;  // to the number of experts
  Scoring scoring = Scoring::softmax;
  std::int64_t top_k = 0;        // experts that a token visits
  bool renormalise = false;      // the chosen weights are divided by their sum
  std::optional<double> jitter;  // sparsemixer: how far behind the best a score may lie

  std::int64_t input() const { return scores.in; }
  std::int64_t output() const { return scores.out; }

  void check(Faults& faults) const {
    faults.present("top_k", top_k);
    faults.require(top_k <= scores.out, "picks " + std::to_string(top_k) + " of " + std::to_string(scores.out) +
                                            " experts");
    if (scoring != Scoring::sparsemixer) return;
    faults.require(jitter.has_value(), "scores by sparsemixer and has no 'jitter'");
    faults.require(top_k == 2, "scores by sparsemixer and has top_k " + std::to_string(top_k) + ", should be 2");
  }
  friend bool operator==(const Router&, const Router&) = default;
};
BOOST_DESCRIBE_STRUCT(Router, (), (scores, scoring, top_k, renormalise, jitter))

}  // namespace garage
