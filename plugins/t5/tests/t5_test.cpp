#include <cmath>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft t5(const char* variant = "t5") { return Draft(open_checkpoint(family_data("t5", variant) / "checkpoint")); }

const RelativeBias& bias_of(const ModelSpec& spec, const std::string& part) {
  return std::get<RelativeBias>(blueprint<Attention>(spec, part).position);
}

std::optional<double> head_scale(Draft draft, boost::json::object changes) {
  for (const auto& [key, value] : changes) draft.config[key] = value;
  return blueprint<OutputHead>(*draft.register_it(), "output_head").input_scale;
}

}  // namespace

TEST_CASE("t5: one table of positions a stack, the first layer's", "[plugins][t5]") {
  const auto spec = t5().register_it();
  CHECK(spec->family == "t5");
  CHECK(blueprint<EncoderDecoder>(*spec, "model") == EncoderDecoder{"encoder", "decoder"});
  for (const std::string side : {"encoder", "decoder"}) {
    const auto& first = bias_of(*spec, side + ".attention_0");
    CHECK(first.table.tensor == side + ".block.0.layer.0.SelfAttention.relative_attention_bias.weight");
    CHECK_FALSE(first.tied_to);
    CHECK(first.two_sided == (side == "encoder"));
    const auto& later = bias_of(*spec, side + ".attention_2");
    CHECK(later.table == first.table);
    CHECK(later.tied_to == PartRef<PartRole::owner>(side + ".attention_0"));
    CHECK(spec->parts.find(side + ".attention_0")->parameters == 4 * 16 * 16 + 32 * 4);
    CHECK(spec->parts.find(side + ".attention_2")->parameters == 4 * 16 * 16);
  }
  CHECK(std::holds_alternative<std::monostate>(blueprint<Attention>(*spec, "decoder.cross_attention_1").position));
  CHECK(blueprint<Attention>(*spec, "decoder.cross_attention_1").from_memory);
  CHECK(spec->parts.find("decoder.cross_attention_1")->module_path == "decoder.block.1.layer.1.EncDecAttention");
}

TEST_CASE("t5: UMT5 has a table in each layer", "[plugins][t5]") {
  const auto spec = t5("umt5").register_it();
  CHECK(bias_of(*spec, "decoder.attention_2").table.tensor == "decoder.block.2.layer.0.SelfAttention.relative_attention_bias.weight");
  CHECK_FALSE(bias_of(*spec, "decoder.attention_2").tied_to);
}

TEST_CASE("t5: both sides and the head are one embedding, unless the file has more", "[plugins][t5]") {
  auto draft = t5();
  auto spec = draft.register_it();
  const PartRef<PartRole::owner> owner("encoder.embedding");
  CHECK(blueprint<Embedding>(*spec, "decoder.embedding").tied_to == owner);
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to == owner);
  CHECK(spec->parts.find("encoder.embedding")->parameters == 40 * 16);
  CHECK(spec->parts.find("decoder.embedding")->parameters == 0);

  draft.tensors.push_back({"decoder.embed_tokens.weight", DType::kF32, {40, 16}});
  draft.tensors.push_back({"lm_head.weight", DType::kF32, {40, 16}});
  spec = draft.register_it();
  CHECK(blueprint<Embedding>(*spec, "decoder.embedding").weight.tensor == "decoder.embed_tokens.weight");
  CHECK(blueprint<OutputHead>(*spec, "output_head").projection.weight.tensor == "lm_head.weight");

  draft.tensors.push_back({"encoder.embed_tokens.weight", DType::kF32, {40, 16}});
  spec = draft.register_it();
  REQUIRE(spec->ignored.size() == 1);
  CHECK(spec->ignored[0].tensors == "shared.weight");

  draft.drop("shared.weight");
  draft.drop("encoder.embed_tokens.weight");
  spec = draft.register_it();
  CHECK(blueprint<Embedding>(*spec, "encoder.embedding").weight.tensor == "decoder.embed_tokens.weight");
  CHECK(blueprint<Embedding>(*spec, "decoder.embedding").tied_to == owner);
}

TEST_CASE("t5: which members scale what the head projects, and when", "[plugins][t5]") {
  const auto scale = 0.25;  // 16^-0.5
  CHECK(head_scale(t5(), {}) == scale);
  CHECK(head_scale(t5(), {{"scale_decoder_outputs", nullptr}}) == scale);
  CHECK(head_scale(t5(), {{"scale_decoder_outputs", nullptr}, {"tie_word_embeddings", nullptr}}) == scale);
  CHECK_FALSE(head_scale(t5(), {{"scale_decoder_outputs", nullptr}, {"tie_word_embeddings", false}}));
  CHECK_FALSE(head_scale(t5("t5-v1.1"), {}));
  CHECK_FALSE(head_scale(t5("mt5"), {{"scale_decoder_outputs", true}}));
  CHECK(head_scale(t5("umt5"), {{"tie_word_embeddings", false}}) == scale);
}

TEST_CASE("t5: a feed-forward of a kind that is none is refused", "[plugins][t5]") {
  for (const auto* text : {"gelu-gated", "gated-gelu-new", "gated_gelu-x"}) {
    auto draft = t5("t5-v1.1");
    draft.config["feed_forward_proj"] = text;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'feed_forward_proj' is \"" + std::string(text)));
  }
}

TEST_CASE("t5: an encoder alone leaves a decoder out, and bears its parts' plain names", "[plugins][t5]") {
  auto draft = t5();
  draft.config["architectures"] = {"T5EncoderModel"};
  const auto spec = draft.register_it();
  CHECK(steps(*spec) == std::vector<std::string>{"embedding", "layer_0", "layer_1", "layer_2", "final_layer_norm"});
  REQUIRE(spec->ignored.size() == 1);
  CHECK(spec->ignored[0].tensors == "decoder.*");
  CHECK(spec->parts.find("output_head") == nullptr);
}

TEST_CASE("t5: where an encoder's output is looked at a table is nobody's", "[plugins][t5]") {
  auto draft = t5();
  const std::string table = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight";
  draft.tensors.push_back({table, DType::kF32, {32, 4}});
  const auto spec = draft.register_it();
  REQUIRE(spec->ignored.size() == 1);
  CHECK(spec->ignored[0].tensors == table);
}

TEST_CASE("t5: its decoder may have layers of another number", "[plugins][t5]") {
  const auto spec = t5("t5-few-buckets").register_it();
  CHECK(spec->num_layers == 3);
  CHECK(spec->extra_info.at("encoder_layers").as_int64() == 1);
  CHECK(spec->extra_info.at("decoder_layers").as_int64() == 2);
  auto draft = t5();
  draft.config["num_decoder_layers"] = 2;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "num_decoder_layers is 2, the tensors have 3 (decoder.block"));
}
