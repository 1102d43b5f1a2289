#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft mpt() { return Draft(open_checkpoint(family_data("mpt", "mpt") / "checkpoint")); }

}  // namespace

TEST_CASE("mpt: linear biases, q, k and v one after another, no biases anywhere", "[plugins][mpt]") {
  const auto spec = mpt().register_it();
  CHECK(spec->family == "mpt");
  CHECK(spec->parameters == 40 * 16 + 3 * (48 * 16 + 16 * 16 + 2 * 64 * 16 + 2 * 16) + 16);
  const auto& attention = blueprint<Attention>(*spec, "attention_1");
  CHECK(std::get<Alibi>(attention.position) == Alibi{});
  CHECK(attention.scale == 0.5);
  CHECK(linear(attention.v).weight == TensorRef{"transformer.blocks.1.attn.Wqkv.weight", {{ViewStep::Kind::narrow, {0, 32, 16}}}});
  CHECK_FALSE(blueprint<Norm>(*spec, "norm_1_0").bias);
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to == PartRef<PartRole::owner>("embedding"));
}

TEST_CASE("mpt: what attn_config says of the attention", "[plugins][mpt]") {
  auto draft = mpt();
  auto& own = draft.config["attn_config"].as_object();
  own["clip_qkv"] = 6;
  own["softmax_scale"] = 0.25;
  const auto spec = draft.register_it();
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(*attention.clip == 6.0);
  CHECK(attention.scale == 0.25);
  own["clip_qkv"] = 0;
  CHECK_FALSE(blueprint<Attention>(*draft.register_it(), "attention_0").clip);
  draft.config.erase("attn_config");
  CHECK(draft.register_it()->parts == mpt().register_it()->parts);
}

TEST_CASE("mpt: a checkpoint with code of its own is the same, under both names of its keys", "[plugins][mpt]") {
  auto draft = mpt();
  const auto spec = draft.register_it();
  draft.config["architectures"] = {"MPTForCausalLM"};
  draft.config["auto_map"] = {{"AutoConfig", "configuration_mpt.MPTConfig"}, {"AutoModelForCausalLM", "modeling_mpt.MPTForCausalLM"}};
  CHECK(draft.register_it()->parts == spec->parts);
  for (const auto& [own, common] : {std::pair{"n_layers", "num_hidden_layers"}, {"n_heads", "num_attention_heads"}, {"d_model", "hidden_size"}}) {
    draft.config[common] = draft.config.at(own);
    draft.config.erase(own);
  }
  CHECK(draft.register_it()->parts == spec->parts);
}

TEST_CASE("mpt: keys that the model's own code reads and transformers' class passes over are refused", "[plugins][mpt]") {
  struct Case { const char* key; boost::json::value value; const char* says; };
  const std::vector<Case> own = {{"no_bias", false, "'no_bias' is false"}, {"expansion_ratio", 8, "'expansion_ratio' is 8"}, {"logit_scale", "inv_sqrt_d_model", "'logit_scale'"},
                                 {"norm_type", "rmsnorm", "'norm_type' is \"rmsnorm\""}, {"ffn_config", {{"ffn_type", "mptglu"}}, "'ffn_config'"}};
  const std::vector<Case> of_attention = {{"alibi", false, "attn_config: 'alibi' is false: a model with learned positions is not handled"}, {"alibi_bias_max", 16, "'alibi_bias_max' is 16"},
                                          {"attn_type", "multiquery_attention", "'attn_type'"}, {"qk_ln", true, "'qk_ln' is true"}, {"prefix_lm", true, "'prefix_lm' is true"},
                                          {"rope", true, "'rope' is true"}, {"sliding_window_size", 4096, "'sliding_window_size' is 4096"}};
  for (const auto& c : own) {
    auto draft = mpt();
    draft.config[c.key] = c.value;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, c.says));
  }
  for (const auto& c : of_attention) {
    auto draft = mpt();
    draft.config["attn_config"].as_object()[c.key] = c.value;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, c.says));
  }
}
