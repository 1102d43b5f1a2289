#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft jetmoe() { return Draft(open_checkpoint(family_data("jetmoe", "jetmoe") / "checkpoint")); }

}  // namespace

TEST_CASE("jetmoe: attention is a mixture, too, of as many heads as chosen experts have", "[plugins][jetmoe]") {
  auto draft = jetmoe();
  draft.config["num_attention_heads"] = 99;  // the class counts them itself
  const auto spec = draft.register_it();
  CHECK(spec->family == "jetmoe");
  CHECK(spec->num_heads == 4);
  const auto& own = blueprint<Custom>(*spec, "attention_0");
  CHECK(own.builder == "mixture_of_attentions");
  CHECK(own.tensors.at("experts.input_linear.weight").shape == TensorShape{4, 8, 16});
  CHECK(spec->get_attention(0)->extra_info.at("num_experts") == 4);
}

TEST_CASE("jetmoe: a bias behind each mixture; norms in the layers have an eps of their own", "[plugins][jetmoe]") {
  auto draft = jetmoe();
  draft.config["rms_norm_eps"] = 1e-3;
  const auto spec = draft.register_it();
  CHECK(blueprint<Norm>(*spec, "norm").eps == 1e-3);
  CHECK(blueprint<Norm>(*spec, "input_layernorm_0").eps == 1e-6);
  CHECK(blueprint<Custom>(*spec, "ffn_0").parts == std::vector<PartRef<PartRole::any>>{"mixture_0"});
  CHECK(blueprint<Router>(*spec, "gate_0").scoring == Scoring::softmax_of_chosen);
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to);  // by default
  draft.config["num_local_experts"] = 5;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "experts"));
}
