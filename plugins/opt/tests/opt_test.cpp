#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft opt() { return Draft(open_checkpoint(family_data("opt", "opt") / "checkpoint")); }

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

TEST_CASE("opt: what its class can be asked for and blueprints do not say is refused by its key", "[plugins][opt]") {
  auto draft = opt();
  draft.config["word_embed_proj_dim"] = 8;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'word_embed_proj_dim' is 8"));
  draft = opt();
  draft.config["layer_norm_elementwise_affine"] = false;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'layer_norm_elementwise_affine' is false"));
}

TEST_CASE("opt: a base class has its decoder's modules below its own", "[plugins][opt]") {
  auto draft = opt();
  draft.config["architectures"] = {"OPTModel"};
  for (auto& tensor : draft.tensors) tensor.name.erase(0, std::string_view("model.").size());
  const auto spec = draft.register_it();
  CHECK(spec->parts.find("attention_0")->module_path == "decoder.layers.0.self_attn");
  CHECK(spec->parts.find("output_head") == nullptr);
}
