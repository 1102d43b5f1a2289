#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft olmo(const std::string& variant) { return Draft(open_checkpoint(family_data("olmo", variant) / "checkpoint")); }

const Branch& second(const ModelSpec& spec) { return blueprint<Layer>(spec, "layer_1").stages.at(1).branches.at(0); }

}  // namespace

TEST_CASE("olmo: norms without weights, and q, k and v cut off", "[plugins][olmo]") {
  auto draft = olmo("olmo");
  const auto spec = draft.register_it();
  CHECK(spec->family == "olmo");
  const auto& norm = blueprint<Norm>(*spec, "input_layernorm_0");
  CHECK(norm.kind == NormKind::layer);
  CHECK(norm.eps == 1e-5);
  CHECK_FALSE(norm.weight);
  CHECK(spec->parts.find("norm")->parameters == 0);
  const auto& attention = blueprint<Attention>(*spec, "attention_1");
  CHECK(*attention.clip == 0.5);
  CHECK(rope(attention).in_float32 == true);
  draft.config["clip_qkv"] = nullptr;
  CHECK_FALSE(blueprint<Attention>(*draft.register_it(), "attention_0").clip);
}

TEST_CASE("olmo2: norms behind attention and feed-forward, and over all heads of q and k", "[plugins][olmo]") {
  const auto spec = olmo("olmo2").register_it();
  CHECK(spec->family == "olmo");
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(attention.q_norm.value().size == 16);
  CHECK(attention.k_norm.value().size == 8);
  CHECK(attention.q_norm->multiply_before_cast);
  CHECK(rope(attention).in_float32 == true);
  CHECK_FALSE(second(*spec).norm);
  CHECK(second(*spec).post_norm == PartRef<PartRole::norm>("post_feedforward_layernorm_1"));
}

TEST_CASE("olmo3: three of four layers have a window, whose rope is never scaled", "[plugins][olmo]") {
  auto draft = olmo("olmo3");
  auto spec = draft.register_it();
  CHECK(windows(*spec) == Windows{4, 4, 0});
  CHECK(rope(blueprint<Attention>(*spec, "attention_0")) == rope(blueprint<Attention>(*spec, "attention_2")));
  CHECK_FALSE(rope(blueprint<Attention>(*spec, "attention_0")).in_float32);
  draft.config["rope_parameters"] = {{"rope_type", "yarn"}, {"rope_theta", 500000}, {"factor", 8.0}, {"original_max_position_embeddings", 16}};
  spec = draft.register_it();
  CHECK(rope(blueprint<Attention>(*spec, "attention_2")).scaling.kind == RopeScalingKind::yarn);
  CHECK(rope(blueprint<Attention>(*spec, "attention_1")) == Rope{.theta = 500000, .dims = 4});
  draft.config.erase("layer_types");
  draft.config.erase("sliding_window");
  CHECK(windows(*draft.register_it()) == Windows{4096, 4096, 4096});
  draft.config["sliding_window"] = nullptr;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "the class always has a window"));
}

TEST_CASE("olmoe: a mixture behind norms, norms over all heads, and a cut where the config has one", "[plugins][olmo]") {
  auto draft = olmo("olmoe");
  const auto spec = draft.register_it();
  CHECK(blueprint<Router>(*spec, "gate_0").top_k == 2);
  CHECK_FALSE(blueprint<Router>(*spec, "gate_0").renormalise);
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(attention.k_norm.value().size == 8);
  CHECK_FALSE(attention.k_norm->multiply_before_cast);
  CHECK_FALSE(attention.clip);
  CHECK(second(*spec).norm == PartRef<PartRole::norm>("post_attention_layernorm_1"));
  draft.config["clip_qkv"] = 8;
  draft.config["norm_topk_prob"] = true;
  CHECK(*blueprint<Attention>(*draft.register_it(), "attention_0").clip == 8);
  CHECK(blueprint<Router>(*draft.register_it(), "gate_0").renormalise);
  draft.config.erase("num_experts");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "there are 64 experts, the tensors have 4"));
  draft.config["num_local_experts"] = 4;
  draft.config.erase("num_experts_per_tok");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "a token visits 8 experts"));
}

TEST_CASE("flex-olmo: a mixture with OLMo 2's norms, whose class has defaults of its own", "[plugins][olmo]") {
  auto draft = olmo("flex-olmo");
  const auto spec = draft.register_it();
  CHECK(second(*spec).post_norm == PartRef<PartRole::norm>("post_feedforward_layernorm_1"));
  CHECK(blueprint<Norm>(*spec, "norm").eps == 1e-6);
  for (const auto* key : {"rms_norm_eps", "rope_parameters", "hidden_act", "norm_topk_prob", "tie_word_embeddings"}) draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config.erase("num_experts");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "there are 7 experts, the tensors have 4"));
}
