// Router: which experts a token visits, and how much each counts. By itself it gives the scores, before any choice.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/linear.hpp>
#include <garage/blueprint/norm.hpp>
#include <garage/blueprint/part_ref.hpp>
#include <garage/blueprint/tensor_ref.hpp>

namespace garage {

enum class Scoring {
  softmax,            // over all experts, then the best top_k
  sigmoid,            // of each, then the best top_k
  sparsemixer,        // the best, then the best of the rest, each by a softmax of its own (modeling_phimoe.py)
  softmax_of_chosen,  // the best top_k of the logits, then over those alone (modeling_granitemoe.py)
};
BOOST_DESCRIBE_ENUM(Scoring, softmax, sigmoid, sparsemixer, softmax_of_chosen)

// Experts in groups, of which the best count. A group is as good as the sum of its `best` experts, as they are chosen by:
// DeepSeek 2 takes the best one, DeepSeek 3 the best two.
struct RouterGroups {
  std::int64_t count = 0;  // divides the experts evenly
  std::int64_t kept = 0;   // groups from which experts are chosen
  std::int64_t best = 0;
  // Experts of the other groups count as 0, which is more than a corrected score below it; null: they are never chosen.
  std::optional<bool> lesser_count_as_0;

  void check(Faults& faults) const {
    faults.present("count", count);
    faults.present("kept", kept);
    faults.present("best", best);
    faults.require(kept <= count,
                   [&] { return "keeps " + std::to_string(kept) + " of " + std::to_string(count) + " groups"; });
  }
  friend bool operator==(const RouterGroups&, const RouterGroups&) = default;
};
BOOST_DESCRIBE_STRUCT(RouterGroups, (), (count, kept, best, lesser_count_as_0))

// scores(norm(x) * input_scale), a choice by them and the correction, and the weights of what was chosen, which the
// correction leaves alone: divided by their sum, times scale, times each expert's own.
struct Router {
  static constexpr std::string_view kName = "router";
  static constexpr auto kServesAs = kServes<PartRole::router>;
  static constexpr auto kNeeds = std::to_array<std::string_view>({"scoring"});
  static constexpr std::string_view kUnnamed = "scores";  // the member whose tensors bear no prefix
  static constexpr auto kBuffers = std::to_array<std::string_view>({"correction"});

  Linear scores;  // to the number of experts
  Scoring scoring = Scoring::softmax;
  std::int64_t top_k = 0;        // experts that a token visits
  bool renormalise = false;      // the chosen weights are divided by their sum
  std::optional<double> jitter;  // sparsemixer: how far behind the best a score may lie
  std::optional<Norm> norm;      // of what it reads (Gemma 4)
  std::optional<double> input_scale;      // above 0
  std::optional<RouterGroups> groups;     // null: all experts are one
  std::optional<double> scale;            // above 0: of the weights
  std::optional<TensorRef> expert_scale;  // [experts]: of each one's weight
  std::optional<bool> keeps_dtype;        // of narrow dtypes: scores are not widened to float32; null: they are
  std::optional<TensorRef> correction;    // [experts]: added to the scores, or logits, for choosing alone
  std::optional<double> sum_epsilon;      // above 0: renormalising divides by the sum and it
  std::optional<double> least_sum;        // above 0: renormalising divides by no less
  std::optional<double> softcap;          // cap * tanh(logits / cap)
  std::optional<bool> in_float32;         // of narrow dtypes: what is projected is widened before; null: it is not

  std::int64_t input() const { return scores.in; }
  std::int64_t output() const { return scores.out; }

  template <class Each>
  void each_tensor(Each each) const {
    if (expert_scale) each("expert_scale", *expert_scale, TensorShape{scores.out});
    if (correction) each("correction", *correction, TensorShape{scores.out});
  }
  void check(Faults& faults) const;
  friend bool operator==(const Router&, const Router&) = default;
};
BOOST_DESCRIBE_STRUCT(Router, (),
                      (scores, scoring, top_k, renormalise, jitter, norm, input_scale, groups, scale, expert_scale,
                       keeps_dtype, correction, sum_epsilon, least_sum, softcap, in_float32))

}  // namespace garage
