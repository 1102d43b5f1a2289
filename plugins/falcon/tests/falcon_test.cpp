#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft falcon(const std::string& variant) { return Draft(open_checkpoint(family_data("falcon", variant) / "checkpoint")); }

using Kind = ViewStep::Kind;

const Branch& branch(const ModelSpec& spec, std::size_t stage, std::size_t at) { return blueprint<Layer>(spec, "layer_1").stages.at(stage).branches.at(at); }

}  // namespace

TEST_CASE("falcon-7b: one head of keys and values for all, side by side with the feed-forward behind one norm", "[plugins][falcon]") {
  const auto spec = falcon("falcon-7b").register_it();
  CHECK(spec->family == "falcon");
  CHECK(spec->parameters == 40 * 16 + 3 * (24 * 16 + 16 * 16 + 2 * 24 * 16 + 2 * 16) + 2 * 16);
  const auto& attention = blueprint<Attention>(*spec, "attention_1");
  CHECK(attention.kv_heads == 1);  // num_kv_heads, which says 4, does not count
  CHECK(rope(attention) == Rope{.theta = 10000, .dims = 4});
  CHECK(linear(attention.k).weight == TensorRef{"transformer.h.1.self_attention.query_key_value.weight", {{Kind::view, {1, 6, 4, 16}}, {Kind::select, {1, 4}}, {Kind::view, {4, 16}}}});
  CHECK_FALSE(linear(attention.q).bias);
  CHECK(branch(*spec, 0, 0).norm == PartRef<PartRole::norm>("input_layernorm_1"));
  CHECK(branch(*spec, 0, 1).norm == PartRef<PartRole::norm>("input_layernorm_1"));
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").activation == "gelu");
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to == PartRef<PartRole::owner>("embedding"));
}

TEST_CASE("falcon-40b: keys and values in groups, a norm each", "[plugins][falcon]") {
  auto draft = falcon("falcon-40b");
  const auto spec = draft.register_it();
  CHECK(blueprint<Attention>(*spec, "attention_0").kv_heads == 2);
  CHECK(branch(*spec, 0, 0).norm == PartRef<PartRole::norm>("ln_attn_1"));
  CHECK(branch(*spec, 0, 1).norm == PartRef<PartRole::norm>("ln_mlp_1"));
  draft.config.erase("num_ln_in_parallel_attn");
  CHECK(draft.register_it()->parts == spec->parts);

  // Falcon 2 has one.
  draft.config["num_ln_in_parallel_attn"] = 1;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "transformer.h.0.input_layernorm.weight"));
  std::erase_if(draft.tensors, [](const TensorInfo& tensor) { return tensor.name.find(".ln_mlp.") != std::string::npos; });
  for (auto& tensor : draft.tensors)
    if (const auto at = tensor.name.find("ln_attn"); at != std::string::npos) tensor.name.replace(at, 7, "input_layernorm");
  CHECK(branch(*draft.register_it(), 0, 1).norm == PartRef<PartRole::norm>("input_layernorm_1"));
}

// Its reference is what transformers computes by scaled_dot_product_attention, which is its default: with eager attention,
// which the other references have, FalconAttention adds the bias a second time.
TEST_CASE("falcon-rw: biases by distance that are bfloat16 numbers, heads with keys and values of their own", "[plugins][falcon]") {
  const auto spec = falcon("falcon-rw").register_it();
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(std::get<Alibi>(attention.position) == Alibi{.in_bfloat16 = true, .scale = 0.5});
  CHECK(attention.kv_heads == 4);
  CHECK(attention.o.bias);
  CHECK(branch(*spec, 1, 0).norm == PartRef<PartRole::norm>("post_attention_layernorm_1"));
  CHECK(spec->parts.find("rotary_emb") == nullptr);
}

TEST_CASE("falcon: the first checkpoints' names and keys", "[plugins][falcon]") {
  const auto rename = [](Draft& draft, const char* own, const char* first) {
    draft.config[first] = draft.config.at(own);
    draft.config.erase(own);
  };
  for (const auto* variant : {"falcon-7b", "falcon-40b", "falcon-rw"}) {
    INFO(variant);
    auto draft = falcon(variant);
    const auto spec = draft.register_it();
    const bool grouped = draft.config.at("new_decoder_architecture").as_bool();
    rename(draft, "num_attention_heads", "n_head");
    rename(draft, "num_hidden_layers", "n_layer");
    if (grouped) rename(draft, "num_kv_heads", "n_head_kv");
    for (const auto* key : {"new_decoder_architecture", "num_ln_in_parallel_attn", "num_kv_heads"}) draft.config.erase(key);
    draft.config["model_type"] = grouped ? "RefinedWeb" : "RefinedWebModel";
    draft.config["architectures"] = {"RWForCausalLM"};
    draft.config["auto_map"] = {{"AutoModelForCausalLM", "modelling_RW.RWForCausalLM"}};
    draft.config["apply_residual_connection_post_layernorm"] = false;
    CHECK(draft.register_it()->parts == spec->parts);
    draft.config.erase("model_type");
    CHECK(draft.register_it()->parts == spec->parts);
    draft.config["apply_residual_connection_post_layernorm"] = true;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'apply_residual_connection_post_layernorm' is true"));
  }
}

TEST_CASE("falcon: layers that the class makes and cannot run are refused by their key", "[plugins][falcon]") {
  auto draft = falcon("falcon-40b");
  draft.config["parallel_attn"] = false;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'parallel_attn' is false"));
  draft = falcon("falcon-7b");
  draft.config["num_ln_in_parallel_attn"] = 2;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'num_ln_in_parallel_attn' is 2"));
  draft = falcon("falcon-rw");
  draft.config["num_kv_heads"] = 2;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'num_kv_heads' is 2, should be as many as heads, 4"));
  draft = falcon("falcon-40b");
  draft.config["num_kv_heads"] = 3;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'num_kv_heads' is 3, should be a divisor of the 4 heads"));
}

TEST_CASE("falcon: what FalconConfig says where the config is silent", "[plugins][falcon]") {
  auto draft = falcon("falcon-7b");
  const auto spec = draft.register_it();
  for (const auto* key : {"activation", "alibi", "bias", "layer_norm_epsilon", "multi_query", "new_decoder_architecture", "num_kv_heads", "parallel_attn", "tie_word_embeddings", "rope_parameters"})
    draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config.erase("ffn_hidden_size");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "[64, 16]"));
}
