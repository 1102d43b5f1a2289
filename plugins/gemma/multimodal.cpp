// transformers: Gemma3Model of modeling_gemma3.py; modeling_paligemma.py, configuration_paligemma.py.
#include "multimodal.hpp"

#include "text_models.hpp"
#include "vision.hpp"

using namespace garage;
using namespace garage::sdk;

namespace {

// The text model under every prefix that files have had.
StackNames names_beside_pictures(std::string base_class) {
  return {.family = "gemma",
          .base_class = std::move(base_class),
          .prefix = "model.language_model.",
          .other_prefixes = {"language_model.model.", "language_model.", "model.", ""},
          .heads = {"lm_head", "language_model.lm_head"},
          .all_modules = true};
}

// Gemma3ForConditionalGeneration and PaliGemmaForConditionalGeneration give logits as the head gives them, whatever
// final_logit_softcapping says.
HeadOptions head_beside_pictures(HeadOptions head, bool tied) {
  head.tied = tied;
  head.softcap.reset();
  return head;
}

// PaliGemma's positions begin at 1, which no plain rope can tell: it turns by distances.
void require_plain_rope(const ConfigReader& text, const Rope& rope) {
  if (rope.scaling.kind != RopeScalingKind::none) text.unsupported("rope_parameters", "a scaled rope beside pictures");
}

}  // namespace

ModelSpec decompose_gemma3_with_pictures(const Model& model, const ConfigReader& config) {
  const auto of_text = config.section("text_config");
  auto facts = read_gemma3(of_text);
  // Gemma3Model lays a mask of its own over the images' tokens, which a text model that looks both ways does not have.
  for (const auto* reader : {&config, &of_text})
    for (const auto* key : {"is_causal", "use_bidirectional_attention"})
      if (reader->has(key) && reader->flag(key, true) != (key == std::string_view("is_causal")))
        reader->unsupported(key, "attention both ways beside images");
  facts.head = head_beside_pictures(facts.head, read_tie(config, facts.head.tied));
  StackBuilder text(model, names_beside_pictures("Gemma3Model"), facts.dims);
  add_sandwiches(text, facts);
  add_gemma3_vision(text, config.section("vision_config"), config.dimension("mm_tokens_per_image", 256));
  return text.finish();
}

// A text model of Gemma 1 or 2. Its use_bidirectional_attention, which PaliGemmaConfig sets, is for SDPA without a mask
// alone; PaliGemmaModel makes a mask: causal, but for what token_type_ids call the prefix, which looks both ways. Text
// without them is causal, as eager attention has it.
ModelSpec decompose_paligemma(const Model& model, const ConfigReader& config) {
  const auto of_text = config.section("text_config");
  const auto type = of_text.text("model_type", "gemma");
  if (type != "gemma" && type != "gemma2")
    of_text.unsupported("model_type", "another text model than Gemma 1's and 2's");
  for (const auto* reader : {&config, &of_text})
    if (!reader->flag("is_causal", true)) reader->unsupported("is_causal", "attention both ways beside images");
  auto facts = type == "gemma" ? read_gemma1(of_text) : read_gemma2(of_text);
  require_plain_rope(of_text, facts.rope);
  facts.head = head_beside_pictures(facts.head, read_tie(config, true));
  StackBuilder text(model, names_beside_pictures("PaliGemmaModel"), facts.dims);
  if (type == "gemma") add_gemma1(text, facts);
  else add_sandwiches(text, facts);
  add_paligemma_vision(text, config.section("vision_config"), config.dimension("projection_dim", 2048));
  auto spec = text.finish();
  spec.extra_info["attention"] =
      "causal: a prefix that looks both ways (transformers: token_type_ids) is for the caller's mask to say";
  return spec;
}
