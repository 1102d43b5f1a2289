#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft codegen() { return Draft(open_checkpoint(family_data("codegen", "codegen") / "checkpoint")); }

}  // namespace

TEST_CASE("codegen: q, v and k in four parts, side by side with the feed-forward, a head with bias", "[plugins][codegen]") {
  using Kind = ViewStep::Kind;
  auto draft = codegen();
  const auto spec = draft.register_it();
  CHECK(spec->family == "codegen");
  const auto& attention = blueprint<Attention>(*spec, "attention_1");
  const auto rows = [](std::int64_t which) {
    return TensorRef{"transformer.h.1.attn.qkv_proj.weight", {{Kind::view, {4, 3, 4, 16}}, {Kind::select, {1, which}}, {Kind::view, {16, 16}}}};
  };
  CHECK(linear(attention.q).weight == rows(0));
  CHECK(linear(attention.v).weight == rows(1));
  CHECK(linear(attention.k).weight == rows(2));
  CHECK(rope(attention) == Rope{.theta = 10000, .dims = 2, .pairing = RopePairing::interleaved});
  CHECK(blueprint<Layer>(*spec, "layer_0").stages.at(0).branches.size() == 2);
  CHECK(blueprint<OutputHead>(*spec, "output_head").projection.bias == TensorRef{"lm_head.bias", {}});
  draft.tensors.push_back({"transformer.h.0.attn.causal_mask", DType::kBool, {1, 1, 64, 64}});
  CHECK(draft.register_it()->parameters == spec->parameters);
}

TEST_CASE("codegen: heads that do not lie in four parts, and turns that do not fit, are refused", "[plugins][codegen]") {
  auto draft = codegen();
  draft.config["n_head"] = 2;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'n_head' is 2, should be a multiple of 4"));
  draft = codegen();
  for (const auto& [value, says] : {std::pair<boost::json::value, const char*>{nullptr, "has no 'rotary_dim'"}, {6, "'rotary_dim' is 6"}, {3, "'rotary_dim' is 3"}}) {
    draft.config["rotary_dim"] = value;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, says));
  }
}

TEST_CASE("codegen: CodeGen 2, which goes by the same names, is not taken for it", "[plugins][codegen]") {
  auto draft = codegen();
  draft.config["auto_map"] = {{"AutoModelForCausalLM", "modeling_codegen.CodeGenForCausalLM"}};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "as CodeGen 2 has it"));
}
