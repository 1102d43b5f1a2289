#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft starcoder2() { return Draft(open_checkpoint(family_data("starcoder2", "starcoder2") / "checkpoint")); }

}  // namespace

TEST_CASE("starcoder2: LayerNorms, biases where the config says so, a window over all layers", "[plugins][starcoder2]") {
  auto draft = starcoder2();
  const auto spec = draft.register_it();
  CHECK(spec->family == "starcoder2");
  const auto& attention = blueprint<Attention>(*spec, "attention_2");
  CHECK(attention.kv_heads == 2);
  CHECK(linear(attention.q).bias);
  CHECK(attention.o.bias);
  CHECK_FALSE(attention.mask.window);
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").activation == "gelu_pytorch_tanh");
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to == PartRef<PartRole::owner>("embedding"));
  draft.config["sliding_window"] = 8;
  CHECK(blueprint<Attention>(*draft.register_it(), "attention_0").mask.window == 8);
  draft.config["use_bias"] = false;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "bias"));
}
