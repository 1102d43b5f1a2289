#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft draft_of(const char* variant) { return Draft(open_checkpoint(family_data("bart", variant) / "checkpoint")); }
SpecPtr spec_of(const char* variant) { return draft_of(variant).register_it(); }

std::vector<std::string> parts_of(const ModelSpec& spec, const char* stack) {
  std::vector<std::string> names;
  for (const auto& step : blueprint<Stack>(spec, stack).parts) names.push_back(step.part);
  return names;
}

}  // namespace

TEST_CASE("bart: norms behind the sums or before, and what begins and ends a stack", "[plugins][bart]") {
  struct Case { const char* variant; bool after; std::vector<std::string> first, last; };
  for (const auto& c : std::vector<Case>{
           {"bart", true, {"decoder.layernorm_embedding", "decoder.layer_0"}, {"decoder.layer_2", "output_head"}},
           {"mbart", false, {"decoder.layernorm_embedding", "decoder.layer_0"}, {"decoder.layer_norm", "output_head"}},
           {"pegasus", false, {"decoder.layer_0", "decoder.layer_1"}, {"decoder.layer_norm", "output_head"}},
           {"marian", true, {"decoder.layer_0", "decoder.layer_1"}, {"decoder.layer_2", "output_head"}},
           {"m2m-100", false, {"decoder.layer_0", "decoder.layer_1"}, {"decoder.layer_norm", "output_head"}},
           {"blenderbot", false, {"decoder.layer_0", "decoder.layer_1"}, {"decoder.layer_norm", "output_head"}}}) {
    INFO(c.variant);
    const auto spec = spec_of(c.variant);
    CHECK(spec->family == "bart");
    const auto parts = parts_of(*spec, "decoder");
    CHECK(std::vector(parts.begin(), parts.begin() + 2) == c.first);
    CHECK(std::vector(parts.end() - 2, parts.end()) == c.last);
    const auto& stages = blueprint<Layer>(*spec, "decoder.layer_1").stages;
    REQUIRE(stages.size() == 3);
    CHECK(stages[1].branches[0].op == PartRef<PartRole::branch>("decoder.cross_attention_1"));
    CHECK(stages[1].after.has_value() == c.after);
    CHECK(stages[1].branches[0].norm.has_value() != c.after);
    CHECK(blueprint<Layer>(*spec, "encoder.layer_1").stages.size() == 2);
  }
}

TEST_CASE("bart: where positions begin, and of what they are", "[plugins][bart]") {
  CHECK(blueprint<Embedding>(*spec_of("bart"), "decoder.pos_embedding").offset == 2);
  CHECK(blueprint<Embedding>(*spec_of("mbart"), "encoder.pos_embedding").rows == 66);
  CHECK(blueprint<Embedding>(*spec_of("pegasus"), "encoder.pos_embedding").offset == std::nullopt);
  CHECK(blueprint<Embedding>(*spec_of("blenderbot"), "encoder.pos_embedding").rows == 64);
  CHECK(blueprint<SinusoidalEmbedding>(*spec_of("marian"), "decoder.pos_embedding") == SinusoidalEmbedding{16, AngularSpeed::below_base, 10000});
  CHECK(blueprint<SinusoidalEmbedding>(*spec_of("m2m-100"), "decoder.pos_embedding") == SinusoidalEmbedding{16, AngularSpeed::to_base, 10000, 1, 0});

  // Marian's first files have the table all the same, and that one is read.
  auto draft = draft_of("marian");
  for (const auto* side : {"encoder", "decoder"})
    draft.tensors.push_back({"model." + std::string(side) + ".embed_positions.weight", DType::kF32, {64, 16}});
  CHECK(blueprint<Embedding>(*draft.register_it(), "decoder.pos_embedding").weight.tensor == "model.decoder.embed_positions.weight");
}

TEST_CASE("bart: a file without a bias of the logits has zeros there", "[plugins][bart]") {
  auto draft = draft_of("bart");
  CHECK(blueprint<OutputHead>(*draft.register_it(), "output_head").logits_bias->tensor == "final_logits_bias");
  draft.drop("final_logits_bias");
  CHECK_FALSE(blueprint<OutputHead>(*draft.register_it(), "output_head").logits_bias);
}

TEST_CASE("bart: Marian's sides may have vocabularies of their own, the head is the decoder's", "[plugins][bart]") {
  const auto spec = spec_of("marian-apart");
  CHECK(blueprint<Embedding>(*spec, "encoder.embedding").rows == 40);
  CHECK(blueprint<Embedding>(*spec, "decoder.embedding").rows == 44);
  CHECK_FALSE(blueprint<Embedding>(*spec, "decoder.embedding").tied_to);
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to == PartRef<PartRole::owner>("decoder.embedding"));
  CHECK(blueprint<Embedding>(*spec, "encoder.embedding").scale == 4);
  CHECK(blueprint<Embedding>(*spec, "encoder.embedding").keeps_scale == true);
}

TEST_CASE("bart: a decoder alone has its cross attentions beside its layers", "[plugins][bart]") {
  const auto spec = spec_of("bart-causal");
  CHECK(steps(*spec) == std::vector<std::string>{"embedding", "pos_embedding", "layernorm_embedding", "layer_0", "layer_1", "layer_2", "output_head"});
  CHECK(blueprint<Layer>(*spec, "layer_0").stages.size() == 2);
  CHECK(blueprint<Attention>(*spec, "cross_attention_0").from_memory);
  CHECK(spec->parts.find("cross_attention_0")->module_path == "model.decoder.layers.0.encoder_attn");
}

TEST_CASE("bart: classes without a model_type are told by their stem", "[plugins][bart]") {
  for (const auto* variant : {"bart", "mbart", "pegasus", "marian", "m2m-100", "blenderbot"}) {
    auto draft = draft_of(variant);
    const auto known = draft.register_it();
    draft.config.erase("model_type");
    const auto told = draft.register_it();
    INFO(variant);
    CHECK(told->parts == known->parts);
  }
}
