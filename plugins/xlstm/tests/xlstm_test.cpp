#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft xlstm() { return Draft(open_checkpoint(family_data("xlstm", "xlstm") / "checkpoint")); }

}  // namespace

TEST_CASE("xlstm: cells with a memory of a matrix a head, feed-forwards as wide as rounded up", "[plugins][xlstm]") {
  auto draft = xlstm();
  const auto spec = draft.register_it();
  CHECK(spec->family == "xlstm");
  CHECK(spec->num_heads == 4);
  const auto& own = blueprint<Custom>(*spec, "mixer_0");
  CHECK(own.builder == "mlstm");
  CHECK(own.tensors.at("q.weight").shape == TensorShape{8, 16});  // qk_dim_factor 0.5
  CHECK(own.tensors.at("v.weight").shape == TensorShape{16, 16});
  CHECK(own.attributes.at("gate_soft_cap") == 15.0);
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").up.out == 64);  // 16 * 2.667, to a multiple of 64
  CHECK(blueprint<OutputHead>(*spec, "output_head").softcap == 30);
  draft.config.erase("num_blocks");
  draft.config.erase("embedding_dim");
  CHECK(draft.register_it()->parameters == spec->parameters);
}

TEST_CASE("xlstm: what it cannot be", "[plugins][xlstm]") {
  struct Case { const char* key; boost::json::value value; };
  for (const auto& c : {Case{"use_bias", true}, Case{"weight_mode", "fused"}, Case{"inference_state_dtype", "bfloat16"}, Case{"norm_reduction_force_float32", false}}) {
    auto draft = xlstm();
    draft.config[c.key] = c.value;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, c.key));
  }
  auto draft = xlstm();
  draft.config["num_blocks"] = 2;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "num_blocks"));
}
