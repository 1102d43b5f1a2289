#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft cohere(const std::string& variant) { return Draft(open_checkpoint(family_data("cohere", variant) / "checkpoint")); }

bool turns(const ModelSpec& spec, const char* part) { return std::holds_alternative<Rope>(blueprint<Attention>(spec, part).position); }

}  // namespace

TEST_CASE("cohere: both branches behind one norm, a norm's row for each head, scaled logits", "[plugins][cohere]") {
  auto draft = cohere("cohere");
  const auto spec = draft.register_it();
  CHECK(spec->family == "cohere");
  CHECK(blueprint<Layer>(*spec, "layer_0").stages.at(0).branches == std::vector<Branch>{{.norm = "input_layernorm_0", .op = "attention_0"}, {.norm = "input_layernorm_0", .op = "ffn_0"}});
  CHECK_FALSE(blueprint<Norm>(*spec, "input_layernorm_0").bias);
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  REQUIRE(attention.head_norms);
  CHECK(attention.head_norms->q.size() == 4);
  CHECK(attention.head_norms->k.at(1).weight->tensor == "model.layers.0.self_attn.k_norm.weight");
  CHECK(rope(attention) == Rope{.theta = 500000, .dims = 4, .pairing = RopePairing::interleaved});
  CHECK(blueprint<OutputHead>(*spec, "output_head").logits_scale == 0.0625);
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to == PartRef<PartRole::owner>("embedding"));
  for (const auto* key : {"rope_parameters", "logit_scale", "layer_norm_eps", "hidden_act", "attention_bias", "tie_word_embeddings"}) draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config.erase("use_qk_norm");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "belongs to no part"));
}

TEST_CASE("cohere2: layers with a window have a rope, the others none", "[plugins][cohere]") {
  auto draft = cohere("cohere2");
  const auto spec = draft.register_it();
  CHECK(windows(*spec) == Windows{4, 4, 0});
  CHECK(turns(*spec, "attention_0"));
  CHECK_FALSE(turns(*spec, "attention_2"));
  CHECK(rope(blueprint<Attention>(*spec, "attention_0")).theta == 10000);
  draft.config.erase("layer_types");
  draft.config["sliding_window_pattern"] = 2;
  CHECK(windows(*draft.register_it()) == Windows{4, 0, 4});
  draft.config.erase("sliding_window_pattern");
  draft.config.erase("sliding_window");
  CHECK(windows(*draft.register_it()) == Windows{4096, 4096, 4096});
  draft.config["sliding_window"] = nullptr;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "the class always has a window"));
}

TEST_CASE("cohere2-moe: the best experts are weighed by a softmax of their own scores, or by sigmoids", "[plugins][cohere]") {
  auto draft = cohere("cohere2-moe");
  CHECK(blueprint<Router>(*draft.register_it(), "gate_0").scoring == Scoring::softmax_of_chosen);
  draft.config["expert_selection_fn"] = "sigmoid";
  CHECK(blueprint<Router>(*draft.register_it(), "gate_0").scoring == Scoring::sigmoid);
  CHECK(blueprint<Router>(*draft.register_it(), "gate_0").renormalise);
  draft.config["norm_topk_prob"] = false;
  CHECK_FALSE(blueprint<Router>(*draft.register_it(), "gate_0").renormalise);
  draft.config["expert_selection_fn"] = "tanh";
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'expert_selection_fn' is \"tanh\""));
}

TEST_CASE("cohere2-moe: an expert that all tokens visit is averaged with the chosen, or added", "[plugins][cohere]") {
  auto draft = cohere("cohere2-moe");
  draft.config["num_shared_experts"] = 2;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "mlp.shared_experts.gate_proj.weight"));
  for (const std::string layer : {"0", "1", "2"})
    for (const auto& [name, shape] : {std::pair{"gate_proj", TensorShape{48, 16}}, {"up_proj", {48, 16}}, {"down_proj", {16, 48}}})
      draft.tensors.push_back({"model.layers." + layer + ".mlp.shared_experts." + name + ".weight", DType::kF32, shape});
  auto spec = draft.register_it();
  CHECK(blueprint<Router>(*spec, "gate_1").scale == 0.5);
  CHECK(blueprint<FeedForward>(*spec, "shared_expert_1").output_scale == 0.5);
  draft.config["shared_expert_combination_strategy"] = "sum";
  spec = draft.register_it();
  CHECK_FALSE(blueprint<Router>(*spec, "gate_1").scale);
  CHECK_FALSE(blueprint<FeedForward>(*spec, "shared_expert_1").output_scale);
}

TEST_CASE("cohere2-moe: the first layers may be dense, with a pattern of windows of their own", "[plugins][cohere]") {
  auto draft = cohere("cohere2-moe");
  draft.config.erase("layer_types");
  draft.config.erase("mlp_layer_types");
  draft.config["first_k_dense_replace"] = 1;
  draft.config["prefix_dense_intermediate_size"] = 20;
  draft.config["sliding_window_pattern"] = 2;
  std::erase_if(draft.tensors, [](const TensorInfo& tensor) { return tensor.name.starts_with("model.layers.0.mlp."); });
  for (const auto& [name, shape] : {std::pair{"gate_proj", TensorShape{20, 16}}, {"up_proj", {20, 16}}, {"down_proj", {16, 20}}})
    draft.tensors.push_back({std::string("model.layers.0.mlp.") + name + ".weight", DType::kF32, shape});
  auto spec = draft.register_it();
  CHECK(windows(*spec) == Windows{0, 4096, 0});
  CHECK(turns(*spec, "attention_0"));  // it has no window, and yet a rope
  CHECK_FALSE(turns(*spec, "attention_2"));
  CHECK(std::holds_alternative<FeedForward>(*spec->parts.find("ffn_0")->blueprint));
  draft.config["prefix_dense_sliding_window_pattern"] = 2;
  spec = draft.register_it();
  CHECK(windows(*spec) == Windows{4096, 4096, 0});
  draft.config["rms_norm_eps"] = 1e-6;
  CHECK(blueprint<Norm>(*draft.register_it(), "norm").kind == NormKind::rms);
  draft.config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 2.0}};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'rope_scaling'"));
}
