#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft of(const char* variant) { return Draft(open_checkpoint(family_data("llama", variant) / "checkpoint")); }

const Attention& attention(const SpecPtr& spec, const char* part) { return blueprint<Attention>(*spec, part); }

bool turns(const SpecPtr& spec, const char* part) { return std::holds_alternative<Rope>(attention(spec, part).position); }

}  // namespace

TEST_CASE("smollm3: layers without a rope, as no_rope_layers says", "[plugins][llama]") {
  auto draft = of("smollm3");
  const auto spec = draft.register_it();
  CHECK(spec->family == "llama");
  CHECK(turns(spec, "attention_0"));
  CHECK_FALSE(turns(spec, "attention_2"));  // no_rope_layers: [1, 1, 0]
  CHECK(rope(attention(spec, "attention_0")).theta == 2e6);
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to == PartRef<PartRole::owner>("embedding"));
  draft.config["no_rope_layers"] = nullptr;  // every fourth
  CHECK(turns(draft.register_it(), "attention_2"));
  draft.config["no_rope_layer_interval"] = 2;
  CHECK_FALSE(turns(draft.register_it(), "attention_1"));
  draft.config["no_rope_layers"] = {1, 0};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "should be a list with an entry a layer"));
}

TEST_CASE("smollm3: its class's own defaults", "[plugins][llama]") {
  auto draft = of("smollm3");
  draft.config.erase("rope_parameters");
  draft.config.erase("rms_norm_eps");
  draft.config.erase("tie_word_embeddings");
  const auto spec = draft.register_it();
  CHECK(rope(attention(spec, "attention_0")).theta == 2e6);
  CHECK(blueprint<Norm>(*spec, "norm").eps == 1e-6);
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to);
}

TEST_CASE("smollm3: a window is seen by layers that the config names, where it is in use", "[plugins][llama]") {
  auto draft = of("smollm3");
  draft.config["sliding_window"] = 8;
  CHECK(windows(*draft.register_it()) == Windows{0, 0, 0});
  draft.config["use_sliding_window"] = true;
  CHECK(windows(*draft.register_it()) == Windows{0, 0, 0});  // layer_types: all full
  draft.config.erase("layer_types");
  CHECK(windows(*draft.register_it()) == Windows{0, 0, 8});  // those without a rope
  draft.config["layer_types"] = {"sliding_attention", "full_attention", "full_attention"};
  CHECK(windows(*draft.register_it()) == Windows{8, 0, 0});
  draft.config["use_sliding_window"] = false;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "use_sliding_window"));
  draft.config["sliding_window"] = nullptr;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "sliding_window"));
}

TEST_CASE("seed-oss: q, k and v have biases, and o has none, unless the config says otherwise", "[plugins][llama]") {
  auto draft = of("seed-oss");
  const auto spec = draft.register_it();
  CHECK(spec->family == "llama");
  CHECK(linear(attention(spec, "attention_0").k).bias);
  CHECK_FALSE(attention(spec, "attention_0").o.bias);
  draft.config.erase("attention_bias");
  draft.config.erase("attention_out_bias");
  CHECK(draft.register_it()->parameters == spec->parameters);
  draft.config["attention_out_bias"] = true;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "o_proj.bias' is missing"));
}

TEST_CASE("arcee: feed-forwards without a gate, of squared relus", "[plugins][llama]") {
  auto draft = of("arcee");
  draft.config.erase("hidden_act");
  const auto spec = draft.register_it();
  CHECK(spec->family == "llama");
  const auto& ffn = blueprint<FeedForward>(*spec, "ffn_1");
  CHECK(ffn.activation == "relu2");
  CHECK_FALSE(ffn.gate);
  CHECK_FALSE(ffn.up.bias);
  CHECK(blueprint<Norm>(*spec, "norm").eps == 1e-5);
}

TEST_CASE("cwm: three of four layers see a window, and a rope is scaled, where the config does not say", "[plugins][llama]") {
  auto draft = of("cwm");
  CHECK(windows(*draft.register_it()) == Windows{4, 0, 4});
  draft.config.erase("layer_types");
  draft.config.erase("rope_parameters");
  const auto spec = draft.register_it();
  CHECK(spec->family == "llama");
  CHECK(windows(*spec) == Windows{0, 4, 4});
  const auto& turned = rope(attention(spec, "attention_0"));
  CHECK(turned.theta == 1e6);
  CHECK(turned.scaling.kind == RopeScalingKind::llama3);
  CHECK(turned.scaling.factor == 16);
  CHECK(turned.scaling.original_max_position_embeddings == 8192);
  draft.config["rope_parameters"] = boost::json::object();
  CHECK(rope(attention(draft.register_it(), "attention_0")).scaling.kind == RopeScalingKind::none);
  draft.config["sliding_window"] = nullptr;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "the class always has a window"));
}
