#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft gptj() { return Draft(open_checkpoint(family_data("gptj", "gpt-j") / "checkpoint")); }

}  // namespace

TEST_CASE("gpt-j: attention and feed-forward side by side, pairs of a part of each head turn, a head with bias", "[plugins][gptj]") {
  auto draft = gptj();
  const auto spec = draft.register_it();
  CHECK(spec->family == "gptj");
  const auto& rope = std::get<Rope>(blueprint<Attention>(*spec, "attention_0").position);
  CHECK(rope.dims == 2);
  CHECK(rope.pairing == RopePairing::interleaved);
  CHECK(blueprint<Layer>(*spec, "layer_0").stages.at(0).branches.size() == 2);
  CHECK(blueprint<OutputHead>(*spec, "output_head").projection.bias == TensorRef{"lm_head.bias", {}});
  CHECK(spec->parts.find("ffn_0")->intermediate_dim == 64);  // n_inner null: four times as wide
  draft.tensors.push_back({"transformer.h.0.attn.bias", DType::kBool, {1, 1, 64, 64}});
  draft.tensors.push_back({"transformer.h.0.attn.masked_bias", DType::kF32, {}});
  CHECK(draft.register_it()->parameters == spec->parameters);
}

TEST_CASE("gpt-j: how much of a head turns must be said, and fit", "[plugins][gptj]") {
  auto draft = gptj();
  for (const auto& [value, says] : {std::pair<boost::json::value, const char*>{nullptr, "has no 'rotary_dim'"}, {6, "'rotary_dim' is 6"}, {3, "'rotary_dim' is 3"}}) {
    draft.config["rotary_dim"] = value;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, says));
  }
}
