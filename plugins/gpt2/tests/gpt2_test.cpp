// GPT-2's specs, held against transformers' own code and the configs that it wrote.
#include <cmath>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("gpt2: its fused, transposed projections are told as plain q, k and v", "[plugins][gpt2]") {
  const auto spec = registered("gpt2");
  const auto& attention = blueprint<Attention>(*spec, "attention_2");
  using Kind = ViewStep::Kind;
  CHECK(attention.heads == 4);
  CHECK(attention.kv_heads == 4);
  CHECK(attention.scale == Catch::Approx(1 / std::sqrt(8.0)).epsilon(1e-15));
  CHECK(linear(attention.k).weight == TensorRef{"transformer.h.2.attn.c_attn.weight", {{Kind::transpose, {0, 1}}, {Kind::narrow, {0, 32, 32}}}});
  CHECK(linear(attention.v).bias == TensorRef{"transformer.h.2.attn.c_attn.bias", {{Kind::narrow, {0, 64, 32}}}});
  CHECK(attention.o.weight == TensorRef{"transformer.h.2.attn.c_proj.weight", {{Kind::transpose, {0, 1}}}});
  CHECK(std::holds_alternative<std::monostate>(attention.position));
  CHECK(attention.mask.causal);
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").activation == "gelu_new");
  CHECK_FALSE(blueprint<FeedForward>(*spec, "ffn_0").gate.has_value());
  CHECK(blueprint<Norm>(*spec, "ln_f").kind == NormKind::layer);
  CHECK(blueprint<Norm>(*spec, "ln_f").eps == 1e-5);
  CHECK(blueprint<Embedding>(*spec, "pos_embedding").indexed_by == IndexedBy::positions);
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to == "embedding");
  CHECK(steps(*spec) == std::vector<std::string>{"embedding", "pos_embedding", "layer_0", "layer_1", "layer_2", "ln_f", "output_head"});
  CHECK(children_of(*spec->parts.find("layer_1")) == std::vector<std::string>{"ln_1_1", "attention_1", "ln_2_1", "ffn_1"});
  CHECK(blueprint<Layer>(*spec, "layer_1") == sequential({{.norm = "ln_1_1", .op = "attention_1"}, {.norm = "ln_2_1", .op = "ffn_1"}}));
}

TEST_CASE("gpt2: a file without prefix, and with masks, is the same model", "[plugins][gpt2]") {
  const auto plain = registered("gpt2"), hub = registered("gpt2-hub");
  CHECK(hub->get_attention(0)->module_path == "transformer.h.0.attn");
  CHECK(linear(blueprint<Attention>(*hub, "attention_0").q).weight.tensor == "h.0.attn.c_attn.weight");
  REQUIRE(hub->ignored.size() == 2);
  CHECK(hub->ignored[0] == IgnoredTensors{"h.*.attn.bias", 3, "the causal mask, not a bias"});
  CHECK(hub->ignored[1].count == 3);
  CHECK(hub->parameters == plain->parameters);
}

TEST_CASE("gpt2: scale_attn_by_inverse_layer_idx, n_inner, eps, activation and an own head are read", "[plugins][gpt2]") {
  const auto spec = registered("gpt2-scaled-attn");
  CHECK(blueprint<Attention>(*spec, "attention_0").scale == Catch::Approx(1 / std::sqrt(8.0)));
  CHECK(blueprint<Attention>(*spec, "attention_1").scale == Catch::Approx(1 / std::sqrt(8.0) / 2));
  CHECK(spec->get_ffn(0)->intermediate_dim == 50);
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").activation == "gelu");
  CHECK(blueprint<Norm>(*spec, "ln_1_0").eps == 1e-3);
  CHECK(spec->parts.find("output_head")->extra_info.at("tie") == "none");
  CHECK(blueprint<OutputHead>(*spec, "output_head").projection.weight.tensor == "lm_head.weight");
}

TEST_CASE("gpt2: unscaled attention, and the other spelling of its keys", "[plugins][gpt2]") {
  Draft draft("gpt2");
  draft.config["scale_attn_weights"] = false;
  CHECK(blueprint<Attention>(*draft.register_it(), "attention_0").scale == 1);
  for (const auto& [own, common] : {std::pair{"n_embd", "hidden_size"}, {"n_layer", "num_hidden_layers"}, {"n_head", "num_attention_heads"}, {"n_positions", "max_position_embeddings"}}) {
    draft.config[common] = draft.config.at(own);
    draft.config.erase(own);
  }
  CHECK(draft.register_it()->parameters == 43296);
}

TEST_CASE("gpt2: without a config it is recognised, and asks for one", "[plugins][gpt2]") {
  TestRegistry registry;
  for (const auto* variant : {"gpt2", "gpt2-hub"}) {
    Model model(Draft(variant).tensors);
    CHECK(registry->plugins().choose(model, "x").claim.score == 60);
    try {
      registry->register_model("x", model);
      FAIL("registered without a config");
    } catch (const Error& error) {
      CHECK(error.code() == Errc::kNotFound);
      CHECK(std::string(error.what()).find("has no config: how many heads there are cannot be told") != std::string::npos);
    }
  }
  CHECK(registry->detect_family(Model(Draft("llama-2").tensors), "llama") == "unknown");
}

TEST_CASE("gpt2: Linear layers under its names are somebody else's", "[plugins][gpt2]") {
  // Qwen-1 and GPT-BigCode store c_attn [out, in].
  Draft draft("gpt2");
  for (auto& tensor : draft.tensors)
    if (tensor.name.ends_with("c_attn.weight")) std::swap(tensor.shape[0], tensor.shape[1]);
  TestRegistry registry;
  CHECK(registry->detect_family(Model(draft.tensors), "gpt2") == "unknown");
}

TEST_CASE("heads: GPT-2's second head is a part that the model does not run through", "[plugins][heads][gpt2]") {
  Draft draft("gpt2");
  draft.config["architectures"] = {"GPT2DoubleHeadsModel"};
  draft.tensors.push_back({"multiple_choice_head.summary.weight", DType::kF32, {1, 32}});
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "tensor 'multiple_choice_head.summary.bias' is missing"));
  draft.tensors.push_back({"multiple_choice_head.summary.bias", DType::kF32, {1}});
  const auto spec = draft.register_it();
  CHECK(steps(*spec).back() == "output_head");
  CHECK(spec->parts.find("multiple_choice_head")->parameters == 32 + 1);
}

TEST_CASE("tied head: GPT-2's class ties where its config says nothing", "[plugins][tied]") {
  CHECK(registered("gpt2-hub")->parts.find("output_head")->extra_info.at("tie") == "declared");
}

TEST_CASE("mutations: a GPT-2 that is another model's decoder is not handled, and says so", "[plugins][mutations]") {
  Draft draft("gpt2");
  draft.config["add_cross_attention"] = true;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'add_cross_attention' is true"));
}
