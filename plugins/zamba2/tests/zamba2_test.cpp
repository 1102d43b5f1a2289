#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

const ShapedTensor& tensor(const ModelSpec& spec, const char* part, const char* role) { return blueprint<Custom>(spec, part).tensors.at(role); }

}  // namespace

TEST_CASE("zamba2: layers share a block of attention, and have adapters of their own", "[plugins][zamba2]") {
  const auto spec = registered("zamba2/zamba2");
  CHECK(spec->family == "zamba2");
  CHECK(steps(*spec).at(1) == "first_embeddings");
  CHECK(blueprint<HeadStateSpace>(*spec, "mixer_3").norm_groups == 2);
  CHECK_FALSE(tensor(*spec, "shared_block_1", "self_attn.q_proj.weight").tied_to);
  const auto& later = tensor(*spec, "shared_block_3", "self_attn.q_proj.weight");
  CHECK(later.tied_to == PartRef<PartRole::owner>("shared_block_1"));
  CHECK(later.ref.tensor == "model.layers.1.shared_transformer.self_attn.q_proj.weight");
  const auto& adapter = tensor(*spec, "shared_block_3", "gate_up_adapter.down");
  CHECK_FALSE(adapter.tied_to);
  CHECK(adapter.ref.tensor == "model.layers.1.shared_transformer.feed_forward.gate_up_proj_adapter_list.1.0.weight");
  CHECK_FALSE(blueprint<Custom>(*spec, "shared_block_1").tensors.contains("q_adapter.down"));
}

TEST_CASE("zamba2: blocks are used in turn", "[plugins][zamba2]") {
  const auto spec = registered("zamba2/zamba2-adapters");
  CHECK_FALSE(tensor(*spec, "shared_block_3", "self_attn.k_proj.weight").tied_to);
  CHECK(tensor(*spec, "shared_block_4", "self_attn.k_proj.weight").tied_to == PartRef<PartRole::owner>("shared_block_2"));
  CHECK(tensor(*spec, "shared_block_4", "q_adapter.up").ref.tensor == "model.layers.2.shared_transformer.self_attn.linear_q_adapter_list.2.1.weight");
}

TEST_CASE("zamba2: what its code does not compute is refused", "[plugins][zamba2]") {
  Draft draft("zamba2/zamba2");
  draft.config["hidden_act"] = "silu";
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "another activation than gelu is not handled"));
  draft = Draft("zamba2/zamba2");
  draft.config["rope_parameters"] = {{"rope_type", "linear"}, {"rope_theta", 10000.0}, {"factor", 2.0}};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "a scaled rope is not handled"));
}
