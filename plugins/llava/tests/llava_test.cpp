#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft of(const char* variant) { return Draft(open_checkpoint(family_data("llava", variant) / "checkpoint")); }

boost::json::object& section(Draft& draft, const char* key) { return draft.config.at(key).as_object(); }

std::vector<std::string> tower_steps(const ModelSpec& spec) {
  std::vector<std::string> names;
  for (const auto& step : blueprint<Stack>(spec, "vision_encoder").parts) names.push_back(step.part);
  return names;
}

}  // namespace

TEST_CASE("llava: the tower runs up to the layer whose rows the text is given", "[plugins][llava]") {
  auto draft = of("llava");
  const auto spec = draft.register_it();
  CHECK(spec->family == "llava");
  CHECK(tower_steps(*spec) == std::vector<std::string>{"vision.pre_layrnorm", "vision.layer_0"});  // -2 of two layers
  CHECK(spec->parts.find("vision.layer_1"));
  CHECK(blueprint<FeedForward>(*spec, "vision.ffn_0").activation == "quick_gelu");
  CHECK_FALSE(blueprint<Attention>(*spec, "vision.attention_0").mask.causal);
  CHECK(blueprint<Custom>(*spec, "projector").attributes.at("drops_first") == true);
  draft.config["vision_feature_layer"] = -1;
  draft.config["vision_feature_select_strategy"] = "full";
  const auto whole = draft.register_it();
  CHECK(tower_steps(*whole) == std::vector<std::string>{"vision.pre_layrnorm", "vision.layer_0", "vision.layer_1"});
  CHECK(blueprint<Custom>(*whole, "projector").attributes.at("drops_first") == false);
  draft.config["vision_feature_layer"] = {-2, -1};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "vision_feature_layer"));
  draft.config["vision_feature_layer"] = -4;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "vision_feature_layer"));
}

TEST_CASE("llava: names of transformers 4 and of 5, and the tie of its text model", "[plugins][llava]") {
  auto draft = of("llava");
  const auto parameters = draft.register_it()->parameters;
  for (auto& tensor : draft.tensors) {  // as a model is called that is saved by its own class
    if (tensor.name.starts_with("language_model.model.")) tensor.name = "model.language_model." + tensor.name.substr(21);
    else if (tensor.name == "language_model.lm_head.weight") tensor.name = "lm_head.weight";
    else tensor.name = "model." + tensor.name;
  }
  CHECK(draft.register_it()->parameters == parameters);
  draft.drop("lm_head.weight");
  section(draft, "text_config")["tie_word_embeddings"] = true;
  CHECK(blueprint<OutputHead>(*draft.register_it(), "output_head").tied_to);
}

TEST_CASE("llava: what it cannot be", "[plugins][llava]") {
  auto draft = of("llava");
  section(draft, "vision_config")["model_type"] = "siglip_vision_model";
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "another tower than CLIP's"));
  draft = of("llava");
  section(draft, "text_config")["model_type"] = "gemma";
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "another text model"));
}

TEST_CASE("smolvlm: patches lie where their share of the picture says", "[plugins][llava]") {
  auto draft = of("smolvlm");
  const auto spec = draft.register_it();
  CHECK(spec->family == "llava");
  CHECK(tower_steps(*spec) == std::vector<std::string>{"vision.layer_0", "vision.layer_1", "vision.post_layernorm"});
  CHECK(blueprint<Custom>(*spec, "vision.patches").attributes.at("by_share") == true);
  CHECK(blueprint<Linear>(*spec, "projector.proj").weight.tensor == "model.connector.modality_projection.proj.weight");
  draft.config["scale_factor"] = 2;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "demand [16, 64]"));
}

TEST_CASE("internvl: what a branch gives has a factor for each number; patches are put together", "[plugins][llava]") {
  auto draft = of("internvl");
  const auto spec = draft.register_it();
  CHECK(spec->family == "llava");
  const auto& branch = blueprint<Layer>(*spec, "vision.layer_1").stages.at(0).branches.at(0);
  CHECK(branch.post_norm == PartRef<PartRole::norm>("vision.lambda_1_1"));
  CHECK(blueprint<Custom>(*spec, "projector").attributes.at("side") == 2);
  CHECK(blueprint<Norm>(*spec, "projector.layer_norm").size == 64);
  CHECK(linear(blueprint<Attention>(*spec, "attention_0").q).bias);  // Qwen 2
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to);
  section(draft, "vision_config")["use_mean_pooling"] = false;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "vision_tower.layernorm."));
  section(draft, "vision_config")["image_size"] = {28, 56};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "image_size"));
}
