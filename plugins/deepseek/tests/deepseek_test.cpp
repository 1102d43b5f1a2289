// DeepSeek's config and layout, held against transformers' own code (modeling_deepseek_v2.py, modeling_deepseek_v3.py,
// modeling_deepseek_v32.py and their configurations).
#include <cmath>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Approx;
namespace json = boost::json;

namespace {

const Attention& attention(const SpecPtr& spec, const std::string& part = "attention_0") { return blueprint<Attention>(*spec, part); }
const Router& router(const SpecPtr& spec) { return blueprint<Router>(*spec, "gate_1"); }
const json::object& attributes(const SpecPtr& spec, const std::string& part) { return blueprint<Custom>(*spec, part).attributes; }

}  // namespace

TEST_CASE("deepseek 3: keys and values come through few dimensions, and a scaled rope makes scores larger", "[plugins][deepseek]") {
  const auto spec = registered("deepseek/deepseek-v3");
  CHECK(spec->family == "deepseek");
  const auto& first = attention(spec);
  CHECK(first.kv_heads == 4);
  CHECK(first.qk_dim == 8);
  CHECK(first.v_dim == 6);
  CHECK(std::get<LowRank>(first.q).down.out == 6);
  CHECK(first.latent->norm.eps == 1e-6);
  CHECK(rope(first).first == 4);
  CHECK(rope(first).pairing == RopePairing::interleaved);
  CHECK(rope(first).scaling.attention_factor == Approx(1));  // mscale over mscale_all_dim
  const auto mscale = 0.1 * std::log(4.0) + 1;               // yarn_get_mscale(factor, mscale_all_dim)
  CHECK(first.scale == Approx(mscale * mscale / std::sqrt(8.0)));

  Draft draft("deepseek/deepseek-v3");
  draft.config["rope_interleave"] = false;
  CHECK(rope(attention(draft.register_it())).pairing == RopePairing::half);
  draft.config["rope_parameters"].as_object().erase("mscale_all_dim");
  CHECK(attention(draft.register_it()).scale == Approx(1 / std::sqrt(8.0)));
  draft.config["rope_parameters"] = {{"rope_theta", 10000}, {"rope_type", "default"}, {"mscale_all_dim", 1.0}, {"factor", 4}};
  CHECK(attention(draft.register_it()).scale == Approx(1 / std::sqrt(8.0)));
}

TEST_CASE("deepseek 3: its rope in transformers 4's keys", "[plugins][deepseek]") {
  Draft draft("deepseek/deepseek-v3");
  const auto spec = draft.register_it();
  auto scaling = draft.config.at("rope_parameters").as_object();
  draft.config.erase("rope_parameters");
  scaling.erase("rope_theta");
  scaling["type"] = scaling.at("rope_type");
  scaling.erase("rope_type");
  draft.config["rope_theta"] = 10000;
  draft.config["rope_scaling"] = scaling;
  CHECK(draft.register_it()->parts == spec->parts);
}

TEST_CASE("deepseek 3: sigmoids choose experts in groups, with a correction that weighs nothing and is no parameter", "[plugins][deepseek]") {
  const auto spec = registered("deepseek/deepseek-v3");
  CHECK(std::holds_alternative<FeedForward>(*spec->parts.find("ffn_0")->blueprint));  // first_k_dense_replace is 1
  CHECK(router(spec).scoring == Scoring::sigmoid);
  CHECK(router(spec).correction == TensorRef{"model.layers.1.mlp.gate.e_score_correction_bias", {}});
  CHECK(router(spec).groups == RouterGroups{.count = 2, .kept = 1, .best = 2});
  CHECK(router(spec).renormalise);
  CHECK(router(spec).sum_epsilon == 1e-20);
  CHECK(router(spec).scale == 2.5);
  CHECK(router(spec).in_float32 == true);
  CHECK(spec->parts.find("gate_1")->parameters == 4 * 16);
  CHECK(spec->parts.find("shared_expert_1")->module_path == "model.layers.1.mlp.shared_experts");

  struct Case { const char* key; json::value value; const char* says; };
  for (const auto& c : std::vector<Case>{{"n_group", 3, "'n_group' is 3, should be such that 4 experts make groups of at least 2"},
                                         {"n_group", 4, "'n_group' is 4, should be such that 4 experts make groups of at least 2"},
                                         {"topk_group", 3, "'topk_group' is 3, should be at most n_group, 2"},
                                         {"num_experts_per_tok", 3, "'num_experts_per_tok' is 3, should be at most the 2 of topk_group groups"},
                                         {"num_local_experts", 5, "what 'n_routed_experts' is, whose other name it is"},
                                         {"num_key_value_heads", 2, "'num_key_value_heads' is 2, should be 4, as many as heads"},
                                         {"qk_head_dim", 9, "'qk_head_dim' is 9, should be 8, qk_nope_head_dim and qk_rope_head_dim together"},
                                         {"head_dim", 8, "'head_dim' is 8, should be what qk_rope_head_dim is, 4"}}) {
    INFO(c.key);
    Draft draft("deepseek/deepseek-v3");
    draft.config[c.key] = c.value;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, c.says));
  }
}

TEST_CASE("deepseek 3: what a config leaves out is DeepseekV3Config's own", "[plugins][deepseek]") {
  Draft draft("deepseek/deepseek-v3");
  const auto spec = draft.register_it();
  for (const auto* key : {"attention_bias", "hidden_act", "rms_norm_eps", "rope_interleave", "norm_topk_prob", "routed_scaling_factor", "tie_word_embeddings", "head_dim", "qk_head_dim", "n_shared_experts"})
    draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);
  for (const auto& [key, says] : {std::pair{"num_attention_heads", "'num_key_value_heads' is 4, should be 128"}, {"qk_nope_head_dim", "demand [528, 6]"}, {"v_head_dim", "demand [16, 512]"},
                                  {"n_group", "'n_group'"}, {"n_routed_experts", "there are 256 experts, the tensors have 4"}, {"q_lora_rank", "demand [1536, 16]"}}) {
    INFO(key);
    auto without = draft;
    without.config.erase(key);
    CHECK_THROWS_MATCHES(without.register_it(), Error, is_error(Errc::kCorrupt, says));
  }
}

TEST_CASE("deepseek 3: layers that predict further tokens are left out", "[plugins][deepseek]") {
  Draft draft("deepseek/deepseek-v3");
  const auto spec = draft.register_it();
  for (const auto* tensor : {"embed_tokens.weight", "enorm.weight", "eh_proj.weight", "self_attn.q_a_proj.weight"})
    draft.tensors.push_back({"model.layers.3." + std::string(tensor), DType::kF32, {16, 16}});
  const auto with = draft.register_it();
  CHECK(with->parts == spec->parts);
  REQUIRE(with->ignored.size() == 1);
  CHECK(with->ignored[0].tensors == "model.layers.3.*");
  CHECK(with->ignored[0].count == 4);
}

TEST_CASE("deepseek 2: softmax over all experts, whose scale is the head's alone", "[plugins][deepseek]") {
  Draft draft("deepseek/deepseek-v2-lite");
  const auto spec = draft.register_it();
  CHECK(std::holds_alternative<Linear>(attention(spec).q));  // q_lora_rank is null
  CHECK(rope(attention(spec)).pairing == RopePairing::interleaved);
  CHECK(rope(attention(spec)).in_float32 == true);
  CHECK(router(spec).scoring == Scoring::softmax);
  CHECK_FALSE(router(spec).renormalise);
  CHECK(spec->parts.find("shared_expert_1")->intermediate_dim == 24);  // two of 12
  draft.config["norm_topk_prob"] = true;  // which its class does not read
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config["rope_parameters"] = {{"rope_theta", 10000}, {"rope_type", "yarn"}, {"factor", 40}, {"mscale", 0.707}, {"mscale_all_dim", 0.707}, {"original_max_position_embeddings", 16}};
  CHECK(attention(draft.register_it()).scale == Approx(1 / std::sqrt(8.0)));
}

TEST_CASE("deepseek 2: groups are as good as their best expert", "[plugins][deepseek]") {
  Draft draft("deepseek/deepseek-v2-lite");
  draft.config["topk_method"] = "group_limited_greedy";
  draft.config["n_group"] = 4;
  draft.config["topk_group"] = 3;
  CHECK(router(draft.register_it()).groups == RouterGroups{.count = 4, .kept = 3, .best = 1});
  draft.config.erase("n_group");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "has no 'n_group'"));
  draft.config["topk_method"] = "noaux_tc";
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'topk_method' is \"noaux_tc\": another choice than"));
  draft = Draft("deepseek/deepseek-v2-lite");
  draft.config.erase("num_experts_per_tok");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "has no 'num_experts_per_tok'"));
}

TEST_CASE("deepseek 3.2: an indexer of its own heads chooses the keys that a token looks at", "[plugins][deepseek]") {
  const auto spec = registered("deepseek/deepseek-v3.2");
  const auto& own = blueprint<Custom>(*spec, "attention_1");
  CHECK(own.builder == "sparse_attention");
  CHECK(own.tensors.at("indexer.wq_b.weight").shape == TensorShape{64, 6});
  CHECK(own.tensors.at("indexer.k_norm.bias").shape == TensorShape{8});
  CHECK(own.parts == std::vector<PartRef<PartRole::any>>{"rotary_emb_1"});
  CHECK(attributes(spec, "attention_1").at("index_top_k") == 4);
  CHECK(blueprint<Rope>(*spec, "rotary_emb_1").pairing == RopePairing::interleaved);
  CHECK(spec->parts.find("attention_1")->num_heads == 4);

  struct Case { const char* key; json::value value; Errc code; const char* says; };
  for (const auto& c : std::vector<Case>{{"is_causal", false, Errc::kUnsupported, "'is_causal' is false: an indexer that looks both ways is not handled"},
                                         {"layer_types", {"full_attention", "full_attention", "full_attention"}, Errc::kUnsupported, "layer_types has 'full_attention'"},
                                         {"mlp_layer_types", {"dense", "sparse"}, Errc::kCorrupt, "mlp_layer_types has 2 entries, there are 3 layers"},
                                         {"q_lora_rank", nullptr, Errc::kCorrupt, "q_lora_rank"},
                                         {"index_head_dim", 2, Errc::kCorrupt, "'index_head_dim' is 2, should be at least qk_rope_head_dim, 4"},
                                         {"num_experts", 5, Errc::kCorrupt, "'num_experts' is 5, should be what n_routed_experts is, 4"}}) {
    INFO(c.key);
    Draft draft("deepseek/deepseek-v3.2");
    draft.config[c.key] = c.value;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(c.code, c.says));
  }
}

TEST_CASE("glm 5: a layer without an indexer of its own takes the choice of the last that has one", "[plugins][deepseek]") {
  const auto sparse = [](const char* key, json::value value) {
    Draft draft("deepseek/glm-moe-dsa");
    draft.config.erase("indexer_types");
    draft.config[key] = std::move(value);
    for (const auto* layer : {"1", "2"})
      std::erase_if(draft.tensors, [&](const TensorInfo& tensor) { return tensor.name.find(std::string("layers.") + layer + ".self_attn.indexer.") != tensor.name.npos; });
    return draft.register_it();
  };
  const auto spec = sparse("indexer_types", {"full", "shared", "shared"});
  CHECK(attributes(spec, "attention_0").at("index_heads") == 2);
  CHECK(attributes(spec, "attention_1").at("chosen_by") == "attention_0");
  CHECK(attributes(spec, "attention_2").at("chosen_by") == "attention_0");
  CHECK(sparse("index_topk_pattern", "FSS")->parts == spec->parts);
  CHECK_THROWS_MATCHES(sparse("index_topk_freq", 2), Error, is_error(Errc::kCorrupt, "model.layers.1.self_attn.indexer."));  // F F S
  CHECK_THROWS_MATCHES(sparse("indexer_types", {"shared", "full", "full"}), Error, is_error(Errc::kCorrupt, "such that the first layer has an indexer of its own"));
  CHECK_THROWS_MATCHES(sparse("indexer_types", {"full", "none", "full"}), Error, is_error(Errc::kUnsupported, "indexer_types has 'none', known are full and shared"));
}

TEST_CASE("youtu: DeepSeek 3's attention, and dense feed-forwards", "[plugins][deepseek]") {
  const auto spec = registered("deepseek/youtu");
  CHECK(attention(spec).latent->shared_dim == 4);
  CHECK(std::holds_alternative<FeedForward>(*spec->parts.find("ffn_2")->blueprint));
  CHECK(spec->parts.find("output_head")->extra_info.at("tie") == "declared");
  Draft draft("deepseek/youtu");
  draft.config.erase("tie_word_embeddings");
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config["pad_token_id"] = 0;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'pad_token_id' is 0: an embedding of which transformers sets that row to zeros"));
}
