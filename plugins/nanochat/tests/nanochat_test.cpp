#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft nanochat() { return Draft(open_checkpoint(family_data("nanochat", "nanochat") / "checkpoint")); }

}  // namespace

TEST_CASE("nanochat: norms learn nothing, one stands behind the embedding, heads turn the other way", "[plugins][nanochat]") {
  const auto spec = nanochat().register_it();
  CHECK(spec->family == "nanochat");
  CHECK(steps(*spec) == std::vector<std::string>{"embedding", "embedding_norm", "layer_0", "layer_1", "layer_2", "norm", "output_head"});
  for (const auto* norm : {"embedding_norm", "input_layernorm_1", "norm"}) CHECK_FALSE(blueprint<Norm>(*spec, norm).weight);
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(rope(attention).backwards == true);
  CHECK(attention.norms_after_position == true);
  CHECK_FALSE(attention.q_norm->weight);
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").activation == "relu2");
}

TEST_CASE("nanochat: logits are capped, at 15 where the config does not say", "[plugins][nanochat]") {
  auto draft = nanochat();
  draft.config.erase("final_logit_softcapping");
  CHECK(blueprint<OutputHead>(*draft.register_it(), "output_head").softcap == 15);
  draft.config["final_logit_softcapping"] = nullptr;
  CHECK_FALSE(blueprint<OutputHead>(*draft.register_it(), "output_head").softcap);
}
