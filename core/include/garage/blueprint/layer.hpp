// Layer: stages of branches around one stream of hidden states.
//
//   x = after(keep * x + sum of scale * post_norm(op(input_scale * norm(x)))), stage after stage
//
// Sequential is two stages of a branch, parallel one stage of two, a sandwich has post_norms, OLMo 2 a post_norm and no
// norm, BERT an after, T5's decoder three stages, Gemma 4's mixtures a sum_norm.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/part_ref.hpp>
#include <garage/blueprint/tensor_ref.hpp>

namespace garage {

struct Branch {
  std::optional<PartRef<PartRole::norm>> norm;
  PartRef<PartRole::branch> op;
  std::optional<PartRef<PartRole::norm>> post_norm;
  double scale = 1;
  double input_scale = 1;  // of what op is given (Falcon-H1)

  void check(Faults& faults) const { faults.present("op", op.part); }
  friend bool operator==(const Branch&, const Branch&) = default;
};
BOOST_DESCRIBE_STRUCT(Branch, (), (norm, op, post_norm, scale, input_scale))

struct Stage {
  std::vector<Branch> branches;  // of the same x; those of one norm share its result
  double keep = 1;
  std::optional<PartRef<PartRole::norm>> after;
  std::optional<PartRef<PartRole::norm>> sum_norm;

  void check(Faults& faults) const {
    faults.require(!branches.empty(), [&] { return "has no '" + faults.name_of("branches") + "'"; });
  }
  friend bool operator==(const Stage&, const Stage&) = default;
};
BOOST_DESCRIBE_STRUCT(Stage, (), (branches, keep, after, sum_norm))

struct Layer {
  static constexpr std::string_view kName = "layer";
  static constexpr auto kServesAs = kServes<PartRole::step>;

  std::vector<Stage> stages;
  std::optional<TensorRef> scale;  // [1]: what comes out is multiplied by it (Gemma 4)

  template <class Each>
  void each_tensor(Each each) const {
    if (scale) each("scale", *scale, TensorShape{1});
  }
  void check(Faults& faults) const { faults.require(!stages.empty(), "has no 'stages'"); }
  friend bool operator==(const Layer&, const Layer&) = default;
};
BOOST_DESCRIBE_STRUCT(Layer, (), (stages, scale))

}  // namespace garage
