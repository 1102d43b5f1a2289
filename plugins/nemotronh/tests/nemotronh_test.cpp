#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("nemotron-h: a layer is one thing, of four kinds", "[plugins][nemotronh]") {
  const auto spec = registered("nemotronh/nemotron-h");
  CHECK(spec->family == "nemotronh");
  CHECK(blueprint<Layer>(*spec, "layer_0").stages.size() == 1);
  const auto& mixer = blueprint<HeadStateSpace>(*spec, "mixer_0");
  CHECK(mixer.norm_groups == 2);
  CHECK(mixer.dt_min == 0.001);
  CHECK_FALSE(mixer.dt_max);
  CHECK(std::holds_alternative<std::monostate>(blueprint<Attention>(*spec, "attention_2").position));
  CHECK(blueprint<FeedForward>(*spec, "ffn_3").activation == "relu2");
  CHECK_FALSE(blueprint<FeedForward>(*spec, "expert_1_0").gate);
  const auto& router = blueprint<Router>(*spec, "gate_1");
  CHECK(router.scoring == Scoring::sigmoid);
  CHECK(router.correction.value().tensor == "backbone.layers.1.mixer.gate.e_score_correction_bias");
  CHECK(router.sum_epsilon == 1e-20);
  CHECK_FALSE(router.groups);
  CHECK(spec->parts.find("gate_1")->parameters == 64);  // the correction is learned by no training
}

TEST_CASE("nemotron-h: experts on fewer numbers, in groups", "[plugins][nemotronh]") {
  const auto spec = registered("nemotronh/nemotron-h-latent");
  const auto& mixture = blueprint<Mixture>(*spec, "ffn_1");
  CHECK(mixture.down->out == 8);
  CHECK(mixture.up->in == 8);
  CHECK(spec->parts.find("expert_1_0")->input_dim == 8);
  CHECK(spec->parts.find("shared_expert_1")->input_dim == 16);
  CHECK(blueprint<Router>(*spec, "gate_1").groups == RouterGroups{2, 1, 2, {}});
  CHECK(blueprint<Router>(*spec, "gate_1").scale == 2.5);
}

TEST_CASE("nemotron-h: an older config says in letters what layers are", "[plugins][nemotronh]") {
  Draft draft("nemotronh/nemotron-h");
  draft.config.erase("layers_block_type");
  draft.config["num_hidden_layers"] = 4;
  draft.config["hybrid_override_pattern"] = "ME*-";
  draft.config["mamba_n_groups"] = 2;
  draft.config["n_groups"] = 8;
  CHECK(blueprint<HeadStateSpace>(*draft.register_it(), "mixer_0").groups == 2);
  draft.config["hybrid_override_pattern"] = "MX*-";
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "should be a text of M, E, * and -"));
  draft.config["hybrid_override_pattern"] = "ME*";
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "layers_block_type is 3, the tensors have 4"));
  draft.config["layers_block_type"] = {"mamba", "rwkv", "attention", "mlp"};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "another layer than mamba, moe, attention and mlp"));
}

TEST_CASE("nemotron-h: what predicts further tokens is left out", "[plugins][nemotronh]") {
  Draft draft("nemotronh/nemotron-h");
  draft.tensors.push_back({"mtp.layers.0.norm.weight", DType::kF32, {16}});
  const auto spec = draft.register_it();
  REQUIRE(spec->ignored.size() == 1);
  CHECK(spec->ignored[0].tensors == "mtp.*");
}
