#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft neox(const std::string& variant) { return Draft(open_checkpoint(family_data("gpt_neox", variant) / "checkpoint")); }

Rope rope_of(const Draft& draft) { return blueprint<Rope>(*draft.register_it(), "rotary_emb"); }

}  // namespace

TEST_CASE("gpt-neox: attention and feed-forward side by side, or one after another", "[plugins][gpt_neox]") {
  auto draft = neox("gpt-neox-seq");
  const auto spec = draft.register_it();
  CHECK(spec->family == "gpt_neox");
  CHECK(blueprint<Layer>(*spec, "layer_0") == sequential({{.norm = "input_layernorm_0", .op = "attention_0"}, {.norm = "post_attention_layernorm_0", .op = "ffn_0"}}));
  CHECK(blueprint<OutputHead>(*spec, "output_head").projection.weight.tensor == "embed_out.weight");
  draft.config.erase("use_parallel_residual");
  const auto parallel = blueprint<Layer>(*draft.register_it(), "layer_0").stages;
  REQUIRE(parallel.size() == 1);
  CHECK(parallel[0].branches == std::vector<Branch>{{.norm = "input_layernorm_0", .op = "attention_0"}, {.norm = "post_attention_layernorm_0", .op = "ffn_0"}});
  draft.config["attention_bias"] = false;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "attention.dense.bias"));
}

TEST_CASE("gpt-neox: how much of a head turns, in every spelling that the class reads", "[plugins][gpt_neox]") {
  auto draft = neox("gpt-neox-seq");
  CHECK(rope_of(draft) == Rope{.theta = 10000, .dims = 2});
  draft.config.erase("rope_parameters");
  draft.config["rotary_pct"] = 1.0;
  draft.config["rotary_emb_base"] = 500;
  CHECK(rope_of(draft) == Rope{.theta = 500, .dims = 4});
  draft.config["rope_theta"] = 77;  // which is not among them
  CHECK(rope_of(draft).theta == 500);
  draft.config["partial_rotary_factor"] = 1.0;  // transformers 4.5x saves both
  CHECK(rope_of(draft).dims == 4);
  draft.config["partial_rotary_factor"] = 0.5;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'partial_rotary_factor' is 5E-1"));
}

TEST_CASE("gpt-neox: masks that files have are left out", "[plugins][gpt_neox]") {
  auto draft = neox("gpt-neox-seq");
  const auto spec = draft.register_it();
  for (const std::string layer : {"0", "1", "2"}) {
    draft.tensors.push_back({"gpt_neox.layers." + layer + ".attention.bias", DType::kBool, {1, 1, 64, 64}});
    draft.tensors.push_back({"gpt_neox.layers." + layer + ".attention.masked_bias", DType::kF32, {}});
    draft.tensors.push_back({"gpt_neox.layers." + layer + ".attention.rotary_emb.inv_freq", DType::kF32, {1}});
  }
  CHECK(draft.register_it()->parameters == spec->parameters);
}

TEST_CASE("gpt-neox-japanese: no biases but one behind the last attention, and a tied head", "[plugins][gpt_neox]") {
  auto draft = neox("gpt-neox-japanese");
  const auto spec = draft.register_it();
  CHECK(spec->family == "gpt_neox");
  CHECK_FALSE(blueprint<Attention>(*spec, "attention_1").o.bias);
  CHECK(blueprint<Attention>(*spec, "attention_2").o.bias == TensorRef{"gpt_neox_japanese.layers.2.attention.dense_bias", {}});
  CHECK_FALSE(blueprint<FeedForward>(*spec, "ffn_0").up.bias);
  CHECK(spec->parts.find("ffn_0")->intermediate_dim == 32);
  CHECK(rope(blueprint<Attention>(*spec, "attention_0")).dims == 4);
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to == PartRef<PartRole::owner>("embedding"));
  draft.config["rope_parameters"].as_object()["partial_rotary_factor"] = 0.5;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "turns 2 of 4 dimensions of a head: the class turns all"));
}

TEST_CASE("gpt-neox: a plugin of one's own for these models goes before this one", "[plugins][gpt_neox]") {
  TestRegistry registry;
  const auto& plugins = registry->plugins().plugins();
  const auto ours = std::find_if(plugins.begin(), plugins.end(), [](const PluginRecord& plugin) { return plugin.name == "gpt_neox"; });
  REQUIRE(ours != plugins.end());
  CHECK(ours->info.value().priority < PluginInfo().priority);
}
