// GPT-OSS's config and layout, held against transformers' own code (modeling_gpt_oss.py, configuration_gpt_oss.py).
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

Draft gpt_oss() { return Draft(open_checkpoint(family_data("gptoss", "gpt-oss") / "checkpoint")); }

const json::object& attributes(const ModelSpec& spec, const std::string& part) { return blueprint<Custom>(spec, part).attributes; }

// How far each attention looks back; 0: to the beginning.
std::vector<std::int64_t> looks_back(const ModelSpec& spec) {
  std::vector<std::int64_t> list;
  for (int i = 0; i < spec.num_layers; ++i) {
    const auto& own = attributes(spec, "attention_" + std::to_string(i));
    list.push_back(own.contains("window") ? own.at("window").to_number<std::int64_t>() : 0);
  }
  return list;
}

Rope rope_of(const Draft& draft) { return blueprint<Rope>(*draft.register_it(), "rotary_emb"); }

}  // namespace

TEST_CASE("gpt-oss: attention with sinks, a mixture of its own experts, norms that multiply before the cast", "[plugins][gptoss]") {
  const auto spec = gpt_oss().register_it();
  CHECK(spec->family == "gptoss");
  CHECK(spec->parameters == 18648);  // sum(p.numel() for p in model.parameters())
  CHECK(blueprint<Layer>(*spec, "layer_1") == sequential({{.norm = "input_layernorm_1", .op = "attention_1"}, {.norm = "post_attention_layernorm_1", .op = "ffn_1"}}));
  CHECK(blueprint<Norm>(*spec, "norm").multiply_before_cast);
  CHECK(blueprint<OutputHead>(*spec, "output_head").projection.weight.tensor == "lm_head.weight");

  const auto& attention = *spec->parts.find("attention_0");
  CHECK(attention.part_type == "attention");
  CHECK(attention.num_heads == 4);
  CHECK(attention.head_dim == 4);
  CHECK(attention.extra_info.at("num_kv_heads") == 2);
  const auto& own = blueprint<Custom>(*spec, "attention_0");
  CHECK(own.builder == "sink_attention");
  CHECK(own.tensors.at("sinks").shape == TensorShape{4});
  CHECK(own.tensors.at("o_proj.bias").shape == TensorShape{16});
  CHECK(own.attributes == json::object{{"heads", 4}, {"kv_heads", 2}, {"scale", 0.5}, {"causal", true}, {"window", 4}});
  CHECK(looks_back(*spec) == std::vector<std::int64_t>{4, 0, 4});
}

TEST_CASE("gpt-oss: each attention turns by the model's one rope", "[plugins][gptoss]") {
  const auto spec = gpt_oss().register_it();
  CHECK(blueprint<Custom>(*spec, "attention_2").parts == std::vector<PartRef<PartRole::any>>{"rotary_emb_2"});
  CHECK(blueprint<Rope>(*spec, "rotary_emb_2") == blueprint<Rope>(*spec, "rotary_emb"));
  CHECK(spec->parts.find("rotary_emb_2")->module_path == "model.rotary_emb");
}

TEST_CASE("gpt-oss: experts are slices of what the file has stacked, beside a router with a bias", "[plugins][gptoss]") {
  const auto spec = gpt_oss().register_it();
  const auto& router = blueprint<Router>(*spec, "gate_0");
  CHECK(router.scores.bias == TensorRef{"model.layers.0.mlp.router.bias", {}});
  CHECK(router.top_k == 2);
  CHECK(router.renormalise);
  const auto& expert = blueprint<Custom>(*spec, "expert_0_3");
  CHECK(expert.builder == "expert");
  CHECK(expert.attributes == json::object{{"alpha", 1.702}, {"limit", 7.0}});
  CHECK(expert.tensors.at("gate_up_proj") == ShapedTensor{{"model.layers.0.mlp.experts.gate_up_proj", {{ViewStep::Kind::select, {0, 3}}}}, {16, 48}});
  CHECK(expert.tensors.at("down_proj_bias").shape == TensorShape{16});
  CHECK(spec->parts.find("expert_0_3")->parameters == 16 * 48 + 48 + 24 * 16 + 16);
  const auto& mixture = blueprint<Custom>(*spec, "ffn_0");
  CHECK(mixture.builder == "mixture");
  CHECK(mixture.parts == std::vector<PartRef<PartRole::any>>{"gate_0", "expert_0_0", "expert_0_1", "expert_0_2", "expert_0_3"});
  CHECK(spec->get_ffn(0)->intermediate_dim == 24);
}

TEST_CASE("gpt-oss: what a config leaves out is GptOssConfig's own", "[plugins][gptoss]") {
  auto draft = gpt_oss();
  const auto spec = draft.register_it();
  for (const auto* key : {"attention_bias", "hidden_act", "layer_types", "rms_norm_eps", "tie_word_embeddings"}) draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config.erase("sliding_window");
  CHECK(looks_back(*draft.register_it()) == std::vector<std::int64_t>{128, 0, 128});
  for (const auto& [key, says] : {std::pair{"num_local_experts", "there are 128 experts, the tensors have 4"},
                                  {"num_hidden_layers", "layer_types has 3 entries, there are 36 layers"},
                                  {"hidden_size", "demand [40, 2880]"}, {"intermediate_size", "demand [2880, 16]"}, {"num_attention_heads", "demand [16, 256]"},
                                  {"num_key_value_heads", "such that 8 kv heads divide 4 heads"}, {"head_dim", "demand [128]"}, {"vocab_size", "demand [201088, 16]"}}) {
    INFO(key);
    auto without = gpt_oss();
    without.config.erase(key);
    CHECK_THROWS_MATCHES(without.register_it(), Error, is_error(Errc::kCorrupt, says));
  }
  draft.config.erase("num_experts_per_tok");
  CHECK(blueprint<Router>(*draft.register_it(), "gate_0").top_k == 4);
}

TEST_CASE("gpt-oss: without a rope there is the class's, whose ramp ends at no whole number", "[plugins][gptoss]") {
  auto draft = gpt_oss();
  const auto rope = rope_of(draft);
  CHECK(rope.dims == 4);
  CHECK(rope.theta == 150000);
  CHECK(rope.pairing == RopePairing::half);
  CHECK(rope.scaling.kind == RopeScalingKind::yarn);
  CHECK(rope.scaling.truncate == false);
  CHECK(rope.scaling.attention_factor == Approx(0.1 * std::log(32) + 1));

  auto of_class = rope;
  of_class.scaling.original_max_position_embeddings = 4096;
  draft.config["rope_parameters"] = nullptr;
  CHECK(rope_of(draft) == of_class);
  draft.config.erase("rope_parameters");
  CHECK(rope_of(draft) == of_class);
  draft.config["rope_scaling"] = json::object();
  CHECK(rope_of(draft) == of_class);
  draft.config["rope_theta"] = of_class.theta = 5000;
  CHECK(rope_of(draft) == of_class);
  draft.config["rope_parameters"] = json::object();  // which is not none
  CHECK(rope_of(draft) == Rope{.theta = 5000, .dims = 4});
}

TEST_CASE("gpt-oss: the rope in transformers 4's keys, where truncating is the default", "[plugins][gptoss]") {
  auto draft = gpt_oss();
  const auto rope = rope_of(draft);
  auto scaling = draft.config.at("rope_parameters").as_object();
  scaling.erase("rope_theta");
  draft.config.erase("rope_parameters");
  draft.config["rope_theta"] = 150000;
  draft.config["rope_scaling"] = scaling;
  CHECK(rope_of(draft) == rope);
  draft.config["rope_scaling"].as_object().erase("truncate");
  CHECK(rope_of(draft).scaling.truncate == true);
}

TEST_CASE("gpt-oss: both names of the number of experts", "[plugins][gptoss]") {
  auto draft = gpt_oss();
  const auto spec = draft.register_it();
  draft.config.erase("num_local_experts");
  draft.config["num_experts"] = 4;
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config["num_local_experts"] = 3;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'num_experts' is 4, should be what 'num_local_experts' is"));
}

TEST_CASE("gpt-oss: attention that looks both ways has a window on both sides, with the position at its end", "[plugins][gptoss]") {
  auto draft = gpt_oss();
  draft.config["is_causal"] = false;
  const auto spec = draft.register_it();
  CHECK(looks_back(*spec) == std::vector<std::int64_t>{5, 0, 5});
  CHECK(attributes(*spec, "attention_1").at("causal") == false);
}

TEST_CASE("gpt-oss: biases of attention are the config's, those of router and experts are always there", "[plugins][gptoss]") {
  auto draft = gpt_oss();
  draft.config["attention_bias"] = false;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "belongs to no part"));
  std::erase_if(draft.tensors, [](const TensorInfo& tensor) { return tensor.name.ends_with("_proj.bias"); });
  CHECK(draft.register_it()->parameters == 18648 - 3 * (16 + 8 + 8 + 16));
}

TEST_CASE("gpt-oss: every kind of tensor is missed by its name, and held to its shape", "[plugins][gptoss]") {
  for (const auto* name : {"input_layernorm.weight", "post_attention_layernorm.weight", "mlp.router.weight", "mlp.router.bias", "mlp.experts.gate_up_proj",
                           "mlp.experts.gate_up_proj_bias", "mlp.experts.down_proj", "mlp.experts.down_proj_bias", "self_attn.sinks", "self_attn.q_proj.weight",
                           "self_attn.q_proj.bias", "self_attn.k_proj.weight", "self_attn.k_proj.bias", "self_attn.v_proj.weight", "self_attn.v_proj.bias",
                           "self_attn.o_proj.weight", "self_attn.o_proj.bias"}) {
    const auto tensor = "model.layers.1." + std::string(name);
    INFO(tensor);
    auto without = gpt_oss();
    without.drop(tensor);
    CHECK_THROWS_MATCHES(without.register_it(), Error, is_error(Errc::kCorrupt, "tensor '" + tensor + "' is missing"));
    for (std::size_t dim = 0; dim < gpt_oss().tensor(tensor).shape.size(); ++dim) {
      auto longer = gpt_oss();
      ++longer.tensor(tensor).shape[dim];
      CHECK_THROWS_MATCHES(longer.register_it(), Error, is_error(Errc::kCorrupt, "tensor '" + tensor + "'"));
    }
  }
  auto more = gpt_oss();
  more.tensors.push_back({"model.layers.1.self_attn.q_norm.weight", DType::kF32, {4}});
  CHECK_THROWS_MATCHES(more.register_it(), Error, is_error(Errc::kCorrupt, "'model.layers.1.self_attn.q_norm.weight' [4] belongs to no part"));
}

TEST_CASE("gpt-oss: what the class does not compute is refused", "[plugins][gptoss]") {
  struct Case { const char* key; json::value value; Errc code; const char* says; };
  const std::vector<Case> cases = {
      {"hidden_act", "gelu", Errc::kUnsupported, "'hidden_act' is \"gelu\": another activation than the class's own"},
      {"swiglu_limit", 5.0, Errc::kUnsupported, "'swiglu_limit' is 5E0: another limit than the class's own, 7"},
      {"sliding_window", nullptr, Errc::kCorrupt, "has no 'sliding_window', should be a whole number: the class always has a window"},
      {"layer_types", {"full_attention", "chunked_attention", "full_attention"}, Errc::kUnsupported, "layer_types has 'chunked_attention'"},
      {"layer_types", {"full_attention"}, Errc::kCorrupt, "layer_types has 1 entries, there are 3 layers"},
      {"num_experts_per_tok", 5, Errc::kCorrupt, "'num_experts_per_tok' is 5, should be no more than there are experts, 4"},
      {"num_local_experts", 2147483647, Errc::kCorrupt, "there are 2147483647 experts, the tensors have 4"},
      {"num_local_experts", 3, Errc::kCorrupt, "model.layers.0.mlp."},
      {"rope_parameters", {{"full_attention", {{"rope_type", "default"}}}}, Errc::kUnsupported, "a rope for each type of layer is not handled"},
      {"rope_parameters", {{"rope_type", "proportional"}}, Errc::kUnsupported, "'proportional' is none that this plugin knows"},
      {"partial_rotary_factor", 0.5, Errc::kUnsupported, "partial_rotary_factor"},
  };
  for (const auto& c : cases) {
    INFO(c.key << " " << json::serialize(c.value));
    auto draft = gpt_oss();
    draft.config[c.key] = c.value;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(c.code, c.says));
  }
  auto draft = gpt_oss();
  const auto spec = draft.register_it();
  draft.config["swiglu_limit"] = 7;  // as OpenAI's own configs have it
  CHECK(draft.register_it()->parts == spec->parts);
}
