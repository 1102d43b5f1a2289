#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft opt() { return Draft(open_checkpoint(family_data("opt", "opt") / "checkpoint")); }
Draft opt_350m() { return Draft(open_checkpoint(family_data("opt", "opt-350m") / "checkpoint")); }

}  // namespace

TEST_CASE("opt: positions begin at the third row, norms before or after", "[plugins][opt]") {
  auto draft = opt();
  const auto spec = draft.register_it();
  CHECK(spec->family == "opt");
  const auto& positions = blueprint<Embedding>(*spec, "pos_embedding");
  CHECK(positions.rows == 66);
  CHECK(positions.offset == 2);
  CHECK(spec->parts.find("ffn_1")->module_path == "model.decoder.layers.1");
  CHECK(spec->parts.find("attention_1")->module_path == "model.decoder.layers.1.self_attn");
  CHECK(blueprint<Layer>(*spec, "layer_0").stages[0].branches[0].norm == PartRef<PartRole::norm>("self_attn_layer_norm_0"));
  CHECK(steps(*spec) == std::vector<std::string>{"embedding", "pos_embedding", "layer_0", "layer_1", "layer_2", "final_layer_norm", "output_head"});
  draft.config["do_layer_norm_before"] = false;
  std::erase_if(draft.tensors, [](const TensorInfo& tensor) { return tensor.name.starts_with("model.decoder.final_layer_norm"); });
  const auto after = draft.register_it();
  CHECK(blueprint<Layer>(*after, "layer_0").stages[1].after == PartRef<PartRole::norm>("final_layer_norm_0"));
  CHECK(steps(*after).back() == "output_head");
  CHECK(after->parts.find("final_layer_norm") == nullptr);
}

TEST_CASE("opt: norms without weights, where the config says so", "[plugins][opt]") {
  auto draft = opt();
  draft.config["layer_norm_elementwise_affine"] = false;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "belongs to no part"));
  std::erase_if(draft.tensors, [](const TensorInfo& tensor) { return tensor.name.find("layer_norm") != std::string::npos; });
  const auto spec = draft.register_it();
  CHECK_FALSE(blueprint<Norm>(*spec, "final_layer_norm").weight);
  CHECK_FALSE(blueprint<Norm>(*spec, "self_attn_layer_norm_0").bias);
}

TEST_CASE("opt-350m: tokens and head on fewer numbers, positions behind the projection, norms after each sum", "[plugins][opt]") {
  auto draft = opt_350m();
  const auto spec = draft.register_it();
  CHECK(steps(*spec) == std::vector<std::string>{"embedding", "embedding_projection", "pos_embedding", "layer_0", "layer_1", "layer_2", "head_projection", "output_head"});
  CHECK(blueprint<Embedding>(*spec, "embedding").size == 8);
  CHECK(blueprint<Linear>(*spec, "head_projection") == Linear{.in = 16, .out = 8, .weight = {"model.decoder.project_out.weight", {}}});
  const auto& positions = blueprint<Custom>(*spec, "pos_embedding");
  CHECK(positions.builder == "added_positions");
  CHECK(positions.tensors.at("weight").shape == TensorShape{66, 16});
  const auto& head = blueprint<OutputHead>(*spec, "output_head");
  CHECK(head.projection.in == 8);
  CHECK(head.tied_to == PartRef<PartRole::owner>("embedding"));
  CHECK(blueprint<Layer>(*spec, "layer_0").stages[0].after == PartRef<PartRole::norm>("self_attn_layer_norm_0"));

  draft.config["architectures"] = {"OPTForSequenceClassification"};
  draft.tensors.push_back({"score.weight", DType::kF32, {2, 8}});
  CHECK(blueprint<OutputHead>(*draft.register_it(), "score").projection.in == 8);
  draft = opt_350m();
  draft.config["architectures"] = {"OPTModel"};
  draft.strip("model.");
  CHECK(steps(*draft.register_it()).back() == "head_projection");
}

TEST_CASE("opt: a base class has its decoder's modules below its own", "[plugins][opt]") {
  auto draft = opt();
  draft.config["architectures"] = {"OPTModel"};
  for (auto& tensor : draft.tensors) tensor.name.erase(0, std::string_view("model.").size());
  const auto spec = draft.register_it();
  CHECK(spec->parts.find("attention_0")->module_path == "decoder.layers.0.self_attn");
  CHECK(spec->parts.find("output_head") == nullptr);
}
