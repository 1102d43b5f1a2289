// LLaVA, SmolVLM and InternVL (transformers: modeling_llava.py with modeling_clip.py, modeling_smolvlm.py,
// modeling_internvl.py and their configurations): a text model, and beside it a vision tower and a projector, whose
// rows take the places of a picture's tokens.
#include <algorithm>
#include <iterator>

#include "text_model.hpp"
#include "towers.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

struct Family {
  FamilyNames names;
  const char* base_class;
  const char* text_prefix;  // in transformers' own model
  const char* text_type;    // of the text model, where its config says none
  double eps;               // of the text model's norms, where the config has none of it
  bool is_tied;             // by default
  bool asks_text_for_tie;   // a text model's own tie counts, too
  void (*add_pictures)(StackBuilder& text, const ConfigReader& config);
};

const Family kFamilies[] = {
    {{"llava", {"llava"}, {"LlavaForConditionalGeneration", "LlavaModel"}, {}},
     "LlavaModel",
     "language_model.",
     "llama",
     1e-6,
     false,
     true,
     &add_llava_pictures},
    {{"llava", {"smolvlm"}, {"SmolVLMForConditionalGeneration", "SmolVLMModel"}, {}},
     "SmolVLMModel",
     "text_model.",
     "llama",
     1e-5,
     false,
     false,
     &add_smolvlm_pictures},
    {{"llava", {"internvl"}, {"InternVLForConditionalGeneration", "InternVLModel"}, {}},
     "InternVLModel",
     "language_model.",
     "qwen2",
     1e-6,
     true,
     false,
     &add_internvl_pictures},
};

const Family& family_of(const Model& model) {
  const auto claimed = [&](const Family& family) { return claim(model, family.names).score > 0; };
  const auto* found = std::find_if(std::begin(kFamilies), std::end(kFamilies), claimed);
  return found == std::end(kFamilies) ? kFamilies[0] : *found;
}

StackNames names_of(const Family& family) {
  const std::string text = family.text_prefix;
  return {.family = "llava",
          .base_class = family.base_class,
          .prefix = "model." + text,
          .other_prefixes = {text + "model.", text},
          .heads = {"lm_head", "language_model.lm_head"},
          .all_modules = true};
}

bool read_pictures_tie(const ConfigReader& config, const ConfigReader& of_text, const Family& family) {
  const bool tied = read_tie(config, family.is_tied);
  return tied || (family.asks_text_for_tie && read_tie(of_text, false));
}

class LlavaDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, family_of(model).names); }

  ModelSpec decompose(const Model& model) const override {
    const auto& family = family_of(model);
    const auto config = ConfigReader::of(model);
    const auto of_text = config.section("text_config");
    const TextModel text_model(of_text, family.text_type, config.has("text_config") ? 1e-6 : family.eps);
    for (const auto* reader : {&config, &of_text})
      if (!reader->flag("is_causal", true)) reader->unsupported("is_causal", "attention both ways beside images");
    StackBuilder text(model, names_of(family), text_model.dims());
    text_model.add_to(text, read_pictures_tie(config, of_text, family));
    family.add_pictures(text, config);
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(LlavaDecomposer, {.name = "llava",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .families = {"llava"},
                                .model_types = {"llava", "smolvlm", "internvl"}});
