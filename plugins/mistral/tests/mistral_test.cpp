// What tells Mistral, Nemo and Mixtral apart, held against transformers' own code and the configs that it wrote.
#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("mistral: the window is of all layers; null is none, absent is the class's 4096", "[plugins][mistral]") {
  CHECK(windows(*registered("mistral")) == Windows{5, 5, 5});
  CHECK(registered("mistral")->extra_info.at("sliding_window") == 5);
  CHECK(windows(*registered("mistral-nemo")) == Windows{0, 0, 0});
  Draft draft("mistral");
  draft.config.erase("sliding_window");
  CHECK(windows(*draft.register_it()) == Windows{4096, 4096, 4096});
  draft.config["sliding_window"] = 7;
  draft.config["layer_types"] = {"sliding_attention", "full_attention", "sliding_attention"};
  CHECK(windows(*draft.register_it()) == Windows{7, 0, 7});
}

TEST_CASE("mistral: Nemo's heads are wider than hidden / heads", "[plugins][mistral]") {
  const auto spec = registered("mistral-nemo");
  CHECK(blueprint<Attention>(*spec, "attention_0").qk_dim == 16);
  CHECK(blueprint<Attention>(*spec, "attention_0").scale == 0.25);
  CHECK(blueprint<Rope>(*spec, "rotary_emb").theta == 1000000);
}

TEST_CASE("mixtral: a router, experts, and how they are scored", "[plugins][mixtral]") {
  const auto spec = registered("mixtral");
  const auto& mixture = blueprint<Mixture>(*spec, "ffn_1");
  CHECK(mixture.router == "gate_1");
  CHECK(mixture.experts == std::vector<PartRef<PartRole::expert>>{"expert_1_0", "expert_1_1", "expert_1_2", "expert_1_3"});
  const auto& router = blueprint<Router>(*spec, "gate_1");
  CHECK(router.top_k == 2);
  CHECK(router.scoring == Scoring::softmax);
  CHECK(router.renormalise);
  const auto& expert = blueprint<FeedForward>(*spec, "expert_1_2");
  CHECK(expert.gate->weight.tensor == "model.layers.1.block_sparse_moe.experts.2.w1.weight");
  CHECK(expert.up.weight.tensor == "model.layers.1.block_sparse_moe.experts.2.w3.weight");
  CHECK(expert.down.weight.tensor == "model.layers.1.block_sparse_moe.experts.2.w2.weight");
  CHECK(spec->parts.find("gate_1")->part_type == "gate");
  CHECK(spec->parts.find("gate_1")->output_dim == 4);
  CHECK(spec->parts.find("expert_1_2")->part_type == "expert");
  CHECK(spec->parts.find("expert_1_2")->intermediate_dim == 40);
  CHECK(children_of(*spec->parts.find("ffn_1")).size() == 5);
  CHECK(spec->parts.find("ffn_1")->parameters == 4 * 32 + 4 * 3 * 40 * 32);
  CHECK(spec->parts.find("layer_1")->parameters == spec->parts.find("ffn_1")->parameters + 2 * 32 * 32 + 2 * 16 * 32 + 2 * 32);
  CHECK(windows(*spec) == Windows{0, 0, 0});
}

TEST_CASE("mixtral: a number of experts that the tensors do not have is refused before anything is made", "[plugins][mixtral]") {
  for (const auto* variant : {"mixtral", "mixtral-fused"}) {
    Draft draft(variant);
    draft.config["num_local_experts"] = 2000000000;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "there are 2000000000 experts, the tensors have 4"));
  }
}

TEST_CASE("ministral3: queries grow with their position, and the rope is YaRN's unless the config has one", "[plugins][mistral]") {
  const auto spec = registered("mistral/ministral3");
  const auto& attention = blueprint<Attention>(*spec, "attention_1");
  CHECK(attention.query_scale == QueryScale{.beta = 0.1, .step = 4});
  CHECK(rope(attention).scaling.kind == RopeScalingKind::yarn);
  CHECK(rope(attention).theta == 1000000);
  CHECK(windows(*spec) == Windows{0, 0, 0});
  Draft draft("mistral/ministral3");
  draft.config["sliding_window"] = 7;
  draft.config["layer_types"] = {"full_attention", "full_attention", "full_attention"};  // of which the class knows nothing
  CHECK(windows(*draft.register_it()) == Windows{7, 7, 7});
  draft.config.erase("rope_parameters");
  const auto plain = draft.register_it();
  CHECK(blueprint<Attention>(*plain, "attention_1").query_scale == QueryScale{.beta = 0.1, .step = 16384});
  CHECK(rope(blueprint<Attention>(*plain, "attention_1")).scaling.factor == 16);
  draft.config["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 10000}};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "llama_4_scaling_beta"));
}

TEST_CASE("mistral 4: keys and values come through few dimensions, and the rope turns the last of a head", "[plugins][mistral]") {
  const auto spec = registered("mistral/mistral4-grouped-text");
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(attention.kv_heads == 4);
  CHECK(attention.qk_dim == 8);
  CHECK(attention.v_dim == 6);
  CHECK(std::holds_alternative<Linear>(attention.q));  // q_lora_rank is null
  CHECK(attention.latent->shared_dim == 4);
  CHECK(attention.latent->norm.eps == 1e-6);
  CHECK(rope(attention).first == 4);
  CHECK(rope(attention).dims == 4);
  CHECK(rope(attention).pairing == RopePairing::half);  // rope_interleave is false
  CHECK(!rope(attention).one_speed);
  CHECK(attention.query_scale == QueryScale{.beta = 0.1, .step = 8});
  const auto& router = blueprint<Router>(*spec, "gate_0");
  CHECK(router.groups == RouterGroups{.count = 4, .kept = 2, .best = 2});
  CHECK(router.scale == 2.5);
  CHECK(router.top_k == 3);
  CHECK(spec->parts.find("shared_expert_0")->intermediate_dim == 24);  // two of 12
  CHECK(spec->parts.find("shared_expert_0")->module_path == "layers.0.mlp.shared_experts");

  // A config's own head_dim says how wide the rope's table is: one of two dimensions has one frequency.
  const auto other = registered("mistral/mistral4-text");
  CHECK(rope(blueprint<Attention>(*other, "attention_0")).one_speed == true);
  CHECK(rope(blueprint<Attention>(*other, "attention_0")).pairing == RopePairing::interleaved);
  CHECK(std::holds_alternative<LowRank>(blueprint<Attention>(*other, "attention_0").q));
  CHECK(std::holds_alternative<FeedForward>(*other->parts.find("ffn_0")->blueprint));  // first_k_dense_replace is 1
  CHECK(std::holds_alternative<Mixture>(*other->parts.find("ffn_1")->blueprint));

  Draft draft("mistral/mistral4-grouped-text");
  draft.config["head_dim"] = 12;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'head_dim' is 12, should be such that partial_rotary_factor of it is qk_rope_head_dim, 4"));
  draft = Draft("mistral/mistral4-grouped-text");
  draft.config["num_experts_per_tok"] = 5;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'num_experts_per_tok' is 5, should be at most the 4 of topk_group groups"));
  draft = Draft("mistral/mistral4-grouped-text");
  draft.config.erase("rope_parameters");  // Mistral4Config's own
  CHECK(rope(blueprint<Attention>(*draft.register_it(), "attention_0")).scaling.factor == 128);
}
