// ERNIE 4.5's configs, held against transformers' own code (modeling_ernie4_5.py, modeling_ernie4_5_moe.py).
#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

bool is_sparse(const SpecPtr& spec, const std::string& part) { return std::holds_alternative<Mixture>(*spec->parts.find(part)->blueprint); }

}  // namespace

TEST_CASE("ernie 4.5: neighbours turn together in float32, and biases are all there or none is", "[plugins][ernie4_5]") {
  Draft draft("ernie4_5/ernie4.5");
  const auto spec = draft.register_it();
  CHECK(spec->family == "ernie4_5");
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(rope(attention).pairing == RopePairing::interleaved);
  CHECK(rope(attention).in_float32 == true);
  CHECK(rope(attention).theta == 500000);
  CHECK(attention.o.bias);
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").down.bias);
  for (const auto* key : {"rope_parameters", "tie_word_embeddings", "rms_norm_eps", "hidden_act"}) draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config.erase("use_bias");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, ".bias"));
}

TEST_CASE("ernie 4.5: which layers are mixtures, and how their router chooses", "[plugins][ernie4_5]") {
  Draft draft("ernie4_5/ernie4.5-moe");
  const auto spec = draft.register_it();
  CHECK_FALSE(is_sparse(spec, "ffn_0"));
  CHECK(is_sparse(spec, "ffn_2"));
  const auto& router = blueprint<Router>(*spec, "gate_1");
  CHECK(router.scoring == Scoring::softmax);
  CHECK(router.renormalise);
  CHECK(router.least_sum == 1e-12);
  CHECK(router.correction == TensorRef{"model.layers.1.mlp.moe_statics.e_score_correction_bias", {{ViewStep::Kind::view, {4}}}});
  CHECK(spec->parts.find("shared_expert_1")->intermediate_dim == 24);  // two of 12
  draft.config["moe_layer_end_index"] = -1;
  for (const auto* key : {"moe_layer_start_index", "moe_layer_interval", "moe_norm_min", "moe_num_shared_experts"}) draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config["moe_layer_end_index"] = 1;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "model.layers.2.mlp."));
}

TEST_CASE("ernie 4.5: with biases the mixture's shared expert and the head have one, and its experts none", "[plugins][ernie4_5]") {
  Draft draft("ernie4_5/ernie4.5-moe");
  draft.config["use_bias"] = true;
  for (const auto& [module, size] : {std::pair{"q_proj", 16}, {"k_proj", 8}, {"v_proj", 8}, {"o_proj", 16}})
    for (const auto* layer : {"0", "1", "2"}) draft.tensors.push_back({"model.layers." + std::string(layer) + ".self_attn." + module + ".bias", DType::kF32, {size}});
  for (const auto& [module, size] : {std::pair{"gate_proj", 24}, {"up_proj", 24}, {"down_proj", 16}}) {
    draft.tensors.push_back({"model.layers.0.mlp." + std::string(module) + ".bias", DType::kF32, {size}});
    for (const auto* layer : {"1", "2"}) draft.tensors.push_back({"model.layers." + std::string(layer) + ".mlp.shared_experts." + module + ".bias", DType::kF32, {size}});
  }
  draft.tensors.push_back({"lm_head.bias", DType::kF32, {40}});
  const auto spec = draft.register_it();
  CHECK(blueprint<FeedForward>(*spec, "shared_expert_1").up.bias);
  CHECK_FALSE(blueprint<FeedForward>(*spec, "expert_1_0").up.bias);
  CHECK(blueprint<OutputHead>(*spec, "output_head").projection.bias);
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to);
}
