// Layer: stages of branches around one stream of hidden states.
//
//   x = after(keep * x + sum of scale * post_norm(op(norm(x)))), stage after stage
//
// Sequential is two stages of a branch, parallel one stage of two, a sandwich has post_norms, OLMo 2 a post_norm and no
// norm, BERT an after, T5's decoder three stages.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/part_ref.hpp>

namespace garage {

struct Branch {
  std::optional<PartRef<PartRole::norm>> norm;
  PartRef<PartRole::branch> op;
  std::optional<PartRef<PartRole::norm>> post_norm;
  double scale = 1;

  void check(Faults& faults) const { faults.present("op", op.part); }
  friend bool operator==(const Branch&, const Branch&) = default;
};
BOOST_DESCRIBE_STRUCT(Branch, (), (norm, op, post_norm, scale))

struct Stage {
  std::vector<Branch> branches;  // of the same x; those of one norm share its result
  double keep = 1;
  std::optional<PartRef<PartRole::norm>> after;

  void check(Faults& faults) const { faults.require(!branches.empty(), "has no '" + faults.name_of("branches") + "'"); }
  friend bool operator==(const Stage&, const Stage&) = default;
};
BOOST_DESCRIBE_STRUCT(Stage, (), (branches, keep, after))

struct Layer {
  static constexpr std::string_view kName = "layer";
  static constexpr auto kServesAs = kServes<PartRole::step>;

  std::vector<Stage> stages;

  void check(Faults& faults) const { faults.require(!stages.empty(), "has no 'stages'"); }
  friend bool operator==(const Layer&, const Layer&) = default;
};
BOOST_DESCRIBE_STRUCT(Layer, (), (stages))

}  // namespace garage
