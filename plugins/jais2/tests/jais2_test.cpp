#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft jais2() { return Draft(open_checkpoint(family_data("jais2", "jais2") / "checkpoint")); }

}  // namespace

TEST_CASE("jais-2: layer norms, a squared ReLU without a gate, biases everywhere", "[plugins][jais2]") {
  auto draft = jais2();
  const auto spec = draft.register_it();
  CHECK(spec->family == "jais2");
  CHECK(blueprint<Norm>(*spec, "norm").kind == NormKind::layer);
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(attention.kv_heads == 2);
  CHECK(linear(attention.k).bias);
  CHECK(attention.o.bias);
  const auto& mlp = blueprint<FeedForward>(*spec, "ffn_1");
  CHECK(mlp.activation == "relu2");
  CHECK_FALSE(mlp.gate);
  CHECK(mlp.down.bias);
  for (const auto* key : {"hidden_act", "layer_norm_eps", "attention_bias", "mlp_bias", "tie_word_embeddings", "head_dim"}) draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);
}

TEST_CASE("jais-2: biases of attention and feed-forward are the config's", "[plugins][jais2]") {
  for (const auto* key : {"attention_bias", "mlp_bias"}) {
    auto draft = jais2();
    draft.config[key] = false;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "belongs to no part"));
  }
}
