#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft apertus() { return Draft(open_checkpoint(family_data("apertus", "apertus") / "checkpoint")); }

}  // namespace

TEST_CASE("apertus: feed-forwards whose activation has numbers of its own, norms over q and k", "[plugins][apertus]") {
  auto draft = apertus();
  const auto spec = draft.register_it();
  CHECK(spec->family == "apertus");
  const auto& own = blueprint<Custom>(*spec, "ffn_0");
  CHECK(own.builder == "xielu_mlp");
  CHECK(own.tensors.at("act_fn.alpha_p").shape == TensorShape{1});
  CHECK(own.tensors.at("act_fn.beta").shape.empty());
  CHECK(spec->get_ffn(0)->intermediate_dim == 24);
  CHECK(blueprint<Attention>(*spec, "attention_0").q_norm->size == 4);
  CHECK(blueprint<Layer>(*spec, "layer_1") ==
        sequential({{.norm = "attention_layernorm_1", .op = "attention_1"}, {.norm = "feedforward_layernorm_1", .op = "ffn_1"}}));
  draft.config["hidden_act"] = "silu";  // the same class, without those numbers
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "belongs to no part"));
}

TEST_CASE("apertus: a rope is scaled where the config has none", "[plugins][apertus]") {
  auto draft = apertus();
  draft.config.erase("rope_parameters");
  const auto spec = draft.register_it();
  const auto& scaled = rope(blueprint<Attention>(*spec, "attention_0"));
  CHECK(scaled.theta == 12e6);
  CHECK(scaled.scaling.kind == RopeScalingKind::llama3);
  CHECK(scaled.scaling.factor == 8);
  draft.config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 2.0}};  // transformers 4's
  CHECK(rope(blueprint<Attention>(*draft.register_it(), "attention_0")).scaling.kind == RopeScalingKind::linear);
}
