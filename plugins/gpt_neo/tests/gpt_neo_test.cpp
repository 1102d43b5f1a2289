#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft gpt_neo() { return Draft(open_checkpoint(family_data("gpt_neo", "gpt-neo") / "checkpoint")); }

}  // namespace

TEST_CASE("gpt-neo: scores that are not scaled, every other layer with a window", "[plugins][gpt_neo]") {
  const auto spec = gpt_neo().register_it();
  CHECK(spec->family == "gpt_neo");
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(attention.scale == 1);
  CHECK_FALSE(linear(attention.q).bias);
  CHECK(attention.o.bias);
  CHECK(spec->parts.find("attention_0")->module_path == "transformer.h.0.attn.attention");
  CHECK(windows(*spec) == Windows{0, 4, 0, 4});
  CHECK(spec->parts.find("ffn_0")->intermediate_dim == 64);  // intermediate_size null: four times as wide
}

TEST_CASE("gpt-neo: which layers look how far, expanded or not", "[plugins][gpt_neo]") {
  auto draft = gpt_neo();
  draft.config["attention_layers"] = {"local", "global", "global", "global"};
  CHECK(windows(*draft.register_it()) == Windows{4, 0, 0, 0});
  draft.config.erase("attention_layers");
  CHECK(windows(*draft.register_it()) == Windows{0, 4, 0, 4});
  draft.config["attention_types"] = boost::json::parse(R"([[["local"], 3], [["global"], 1]])");
  draft.config.erase("window_size");
  CHECK(windows(*draft.register_it()) == Windows{256, 256, 256, 0});
  draft.config["attention_types"] = boost::json::parse(R"([[["local"], 3]])");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "should be one for each of 4 layers"));
  draft.config["attention_types"] = boost::json::parse(R"([["local", 4]])");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "should be a list of [names, how often]"));
  draft.config["attention_types"] = boost::json::parse(R"([[["sparse"], 4]])");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "neither global nor local"));
  draft.config.erase("attention_types");  // the class's own 24
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "has no 'attention_types', should be one for each of 4 layers"));
}

TEST_CASE("gpt-neo: a mask of its own is left out, and never looks both ways", "[plugins][gpt_neo]") {
  auto draft = gpt_neo();
  const auto spec = draft.register_it();
  draft.tensors.push_back({"transformer.h.0.attn.attention.bias", DType::kU8, {1, 1, 64, 64}});
  draft.tensors.push_back({"transformer.h.0.attn.attention.masked_bias", DType::kF32, {}});
  CHECK(draft.register_it()->parameters == spec->parameters);
  draft.config["is_causal"] = false;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'is_causal' is false"));
}
