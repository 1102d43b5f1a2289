#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("lfm2: short convolutions, and attentions that norm q and k", "[plugins][lfm2]") {
  const auto spec = registered("lfm2/lfm2");
  CHECK(spec->family == "lfm2");
  const auto& mixer = blueprint<ShortConvolution>(*spec, "mixer_0");
  CHECK(mixer.convolution.kernel == 3);
  CHECK(mixer.in.out == 48);
  CHECK_FALSE(mixer.in.bias);
  const auto& attention = blueprint<Attention>(*spec, "attention_1");
  CHECK(attention.q_norm->size == 4);
  CHECK(rope(attention).theta == 1000000);
  CHECK(steps(*spec).at(4) == "embedding_norm");
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to.has_value());
}

TEST_CASE("lfm2: the width is adjusted unless the config says no", "[plugins][lfm2]") {
  Draft draft("lfm2/lfm2");
  draft.config.erase("block_auto_adjust_ff_dim");
  draft.config["intermediate_size"] = 34;  // 22, and up to a multiple of 8
  draft.config["block_multiple_of"] = 8;
  CHECK(blueprint<FeedForward>(*draft.register_it(), "ffn_0").up.out == 24);
  draft.config["block_ff_dim"] = 36;
  draft.config["intermediate_size"] = 12288;
  CHECK(blueprint<FeedForward>(*draft.register_it(), "ffn_0").up.out == 24);
  draft.config["block_ffn_dim_multiplier"] = nullptr;
  CHECK(blueprint<FeedForward>(*draft.register_it(), "ffn_0").up.out == 24);
}

TEST_CASE("lfm2: an older config says by number which layers attend", "[plugins][lfm2]") {
  Draft draft("lfm2/lfm2");
  draft.config.erase("layer_types");
  draft.config["full_attn_idxs"] = {1};
  CHECK(draft.register_it()->parts.find("attention_1") != nullptr);
  draft.config.erase("full_attn_idxs");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "tensor 'model.layers.0.self_attn"));
}

TEST_CASE("lfm2: mixtures choose by a correction", "[plugins][lfm2]") {
  const auto spec = registered("lfm2/lfm2-moe-biased");
  CHECK(std::holds_alternative<FeedForward>(*spec->parts.find("ffn_0")->blueprint));
  const auto& router = blueprint<Router>(*spec, "gate_1");
  CHECK(router.correction->tensor == "model.layers.1.feed_forward.expert_bias");
  CHECK(router.sum_epsilon == 1e-6);
  CHECK(router.scale == 1.5);
  CHECK(blueprint<ShortConvolution>(*spec, "mixer_0").convolution.bias.has_value());
  Draft draft("lfm2/lfm2-moe");
  draft.config["use_expert_bias"] = false;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'model.layers.1.feed_forward.expert_bias' [4] belongs to no part"));
}
