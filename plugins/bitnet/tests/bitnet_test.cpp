#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft bitnet() { return Draft(open_checkpoint(family_data("bitnet", "bitnet") / "checkpoint")); }

}  // namespace

TEST_CASE("bitnet: a norm before each projection back into the stream", "[plugins][bitnet]") {
  auto draft = bitnet();
  const auto spec = draft.register_it();
  CHECK(spec->family == "bitnet");
  CHECK(blueprint<Attention>(*spec, "attention_1").o_norm.value().weight == TensorRef{"model.layers.1.self_attn.attn_sub_norm.weight", {}});
  const auto& mlp = blueprint<FeedForward>(*spec, "ffn_1");
  CHECK(mlp.down_norm.value().size == 24);
  CHECK(mlp.activation == "relu2");
  CHECK(rope(blueprint<Attention>(*spec, "attention_0")).theta == 500000);
  for (const auto* key : {"hidden_act", "rms_norm_eps", "attention_bias", "tie_word_embeddings", "rope_parameters"}) draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config.erase("num_key_value_heads");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "such that 5 kv heads divide 4 heads"));
}

TEST_CASE("bitnet: layers that round weights and inputs as they run are refused", "[plugins][bitnet]") {
  auto draft = bitnet();
  draft.config["quantization_config"] = {{"quant_method", "bitnet"}, {"linear_class", "autobitlinear"}, {"quantization_mode", "online"}};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "whose linear layers round weights and inputs as it runs"));
}
