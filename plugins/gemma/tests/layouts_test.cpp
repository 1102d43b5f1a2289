// Gemma 3 as its files have it: under several prefixes, and with configs that leave out what is the class's default.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "layouts.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("layouts: Gemma 3's text model is found under each of its prefixes", "[plugins][layouts][gemma]") {
  const auto original = registered("gemma-3-multimodal");
  CHECK(original->get_attention(0)->module_path == "model.language_model.layers.0.self_attn");
  const auto prefix = GENERATE(as<std::string>{}, "model.language_model.", "language_model.", "model.", "");
  INFO("prefix '" << prefix << "'");
  Draft draft("gemma-3-multimodal");
  rename(draft, "^language_model\\.model\\.", prefix);
  if (prefix == "model.language_model.") {
    rename(draft, "^vision_tower\\.", "model.vision_tower.vision_model.");
    rename(draft, "^multi_modal_projector\\.", "model.multi_modal_projector.");
  }
  CHECK(but_for_tensors(*draft.register_it()) == but_for_tensors(*original));
}

TEST_CASE("layouts: Gemma 3's head may lie in the language model", "[plugins][layouts][gemma]") {
  Draft draft("gemma-3-multimodal");
  draft.tensors.push_back({"language_model.lm_head.weight", DType::kF32, {96, 32}});
  const auto spec = draft.register_it();
  CHECK(spec->parts.find("output_head")->extra_info.at("tie") == "declared_but_stored");
  CHECK(spec->parts.find("output_head")->module_path == "lm_head");
}

TEST_CASE("layouts: a sparse text_config means Gemma3TextConfig's defaults", "[plugins][layouts][gemma]") {
  // As on the hub, where save_pretrained left out what equals the class's default: the shapes below are the 4B's.
  const auto config = boost::json::parse(R"({"model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"],
    "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 6,
                    "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024},
    "vision_config": {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "image_size": 28, "patch_size": 14}})").get_object();
  std::vector<TensorInfo> tensors;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) { tensors.push_back({name, DType::kBF16, std::move(shape)}); };
  add("language_model.model.embed_tokens.weight", {262208, 2560});
  add("language_model.model.norm.weight", {2560});
  for (int i = 0; i < 6; ++i) {
    const auto layer = "language_model.model.layers." + std::to_string(i) + ".";
    for (const auto* norm : {"input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"}) add(layer + norm + ".weight", {2560});
    add(layer + "self_attn.q_proj.weight", {2048, 2560});
    add(layer + "self_attn.k_proj.weight", {1024, 2560});
    add(layer + "self_attn.v_proj.weight", {1024, 2560});
    add(layer + "self_attn.o_proj.weight", {2560, 2048});
    add(layer + "self_attn.q_norm.weight", {256});
    add(layer + "self_attn.k_norm.weight", {256});
    add(layer + "mlp.gate_proj.weight", {10240, 2560});
    add(layer + "mlp.up_proj.weight", {10240, 2560});
    add(layer + "mlp.down_proj.weight", {2560, 10240});
  }
  for (auto& tensor : Draft("gemma-3-multimodal").tensors)
    if (!tensor.name.starts_with("language_model") && tensor.name.find("layers.1") == std::string::npos) tensors.push_back(tensor);
  for (auto& tensor : tensors)
    if (tensor.name == "multi_modal_projector.mm_input_projection_weight") tensor.shape = {16, 2560};

  TestRegistry registry;
  const auto spec = registry->register_model("gemma", Model(tensors, config));
  CHECK(spec->vocab_size == 262208);
  CHECK(spec->num_heads == 8);
  const auto& local = blueprint<Attention>(*spec, "attention_0");
  const auto& global = blueprint<Attention>(*spec, "attention_5");  // every sixth
  CHECK(local.mask.window == 1024);
  CHECK_FALSE(global.mask.window.has_value());
  CHECK(local.kv_heads == 4);
  CHECK(local.scale == 1.0 / 16);
  CHECK(rope(local).theta == 10000);
  CHECK(rope(local).scaling.kind == RopeScalingKind::none);
  CHECK(rope(global).theta == 1000000);
  CHECK(rope(global).scaling.factor == 8);
}
