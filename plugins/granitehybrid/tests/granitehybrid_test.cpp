#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("granite's hybrids: factors everywhere, and a shared feed-forward beside the mixture", "[plugins][granitehybrid]") {
  const auto spec = registered("granitehybrid/granitemoehybrid");
  CHECK(spec->family == "granitehybrid");
  const auto& attention = blueprint<Attention>(*spec, "attention_1");
  CHECK(std::holds_alternative<std::monostate>(attention.position));
  CHECK(attention.scale == 1);
  CHECK(blueprint<Router>(*spec, "gate_0").scoring == Scoring::softmax_of_chosen);
  const auto& stage = blueprint<Layer>(*spec, "layer_0").stages[1];
  REQUIRE(stage.branches.size() == 2);
  CHECK(stage.branches[0].op.part == "ffn_0");
  CHECK(stage.branches[1].op.part == "shared_expert_0");
  CHECK(stage.branches[0].norm == stage.branches[1].norm);
  CHECK(spec->parts.find("shared_expert_0")->module_path == "model.layers.0.shared_mlp");
  Draft draft("granitehybrid/granitemoehybrid");
  draft.config["logits_scaling"] = 6.0;
  draft.config["embedding_multiplier"] = 12.0;
  draft.config["residual_multiplier"] = 0.22;
  draft.config["attention_multiplier"] = 0.0078125;
  draft.config["position_embedding_type"] = "rope";
  const auto scaled = draft.register_it();
  CHECK(blueprint<OutputHead>(*scaled, "output_head").logits_divisor == 6);
  CHECK(blueprint<Embedding>(*scaled, "embedding").scale == 12);
  CHECK(blueprint<Layer>(*scaled, "layer_0").stages[1].branches[0].scale == 0.22);
  CHECK(blueprint<Attention>(*scaled, "attention_1").scale == 0.0078125);
  CHECK(rope(blueprint<Attention>(*scaled, "attention_1")).dims == 4);
}

TEST_CASE("granite's hybrids: without experts the shared feed-forward is alone", "[plugins][granitehybrid]") {
  const auto spec = registered("granitehybrid/granitemoehybrid-dense");
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").up.weight.tensor == "model.layers.0.shared_mlp.input_linear.weight");
  CHECK(spec->parts.find("gate_0") == nullptr);
}
