// OLMo 1 to 3, OLMoE and FlexOlmo.
#include "generations.hpp"
#include "mixtures.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// Tensors of OLMo 2 and 3 have the same names.
const FamilyNames kNames = {"olmo",
                            {"olmo", "olmo2", "olmo3", "olmoe", "flex_olmo"},
                            {"OlmoForCausalLM", "OlmoModel", "Olmo2ForCausalLM", "Olmo2Model", "Olmo3ForCausalLM", "Olmo3Model",
                             "OlmoeForCausalLM", "OlmoeModel", "FlexOlmoForCausalLM", "FlexOlmoModel"},
                            {}};

class OlmoDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    if (is_of(model, "olmo")) return decompose_olmo(model);
    if (is_of(model, "olmoe")) return decompose_olmoe(model);
    if (is_of(model, "flex_olmo")) return decompose_flex_olmo(model);
    return decompose_olmo2(model);
  }
};

}  // namespace

GARAGE_PLUGIN(OlmoDecomposer, {.name = "olmo",
                               .version = "1.0.0",
                               .license = "Apache-2.0",
                               .families = {"olmo"},
                               .model_types = kNames.model_types});
