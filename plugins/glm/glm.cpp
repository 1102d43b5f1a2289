// GLM-4, of its first generation and of 0414 (transformers: modeling_glm.py, modeling_glm4.py and their
// configurations); GLM-4.5 to 4.7 in mixtures.cpp, GLM-5 in plugins/deepseek.
#include <garage/sdk/family.hpp>

#include "mixtures.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// GlmConfig and Glm4Config.
constexpr StackDims kDefaults = {4096, 40, 32, 2, 128, 13696, 151552, 131072};

const FamilyNames kNames = {"glm",
                            {"glm", "glm4", "glm4_moe", "glm4_moe_lite"},
                            {"GlmForCausalLM", "GlmModel", "Glm4ForCausalLM", "Glm4Model", "Glm4MoeForCausalLM",
                             "Glm4MoeModel", "Glm4MoeLiteForCausalLM", "Glm4MoeLiteModel"},
                            {}};

class GlmDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    if (is_of(model, "glm4_moe")) return decompose_glm4_moe(model);
    if (is_of(model, "glm4_moe_lite")) return decompose_glm4_moe_lite(model);
    const bool sandwiched = is_of(model, "glm4");  // norms behind attention and feed-forward, too
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms(config.positive("rms_norm_eps", 1.5625e-7));
    const auto activation = config.text("hidden_act", "silu");
    StackBuilder text(model, names_of(sandwiched), dims);
    text.embedding("embed_tokens");
    auto rope = read_rope(config, dims, {.partial_rotary_factor = 0.5});
    rope.pairing = RopePairing::interleaved;
    const GqaOptions attention{.bias = config.flag("attention_bias", true), .rope = text.rotary(rope)};
    for (auto& layer : text.layers()) {
      Branch attend{.norm = layer.norm("input_layernorm", norm), .op = gqa(layer, "self_attn", attention)};
      if (sandwiched) attend.post_norm = layer.norm("post_self_attn_layernorm", norm);
      layer.stage(attend);
      Branch feed{.norm = layer.norm("post_attention_layernorm", norm),
                  .op = fused_gated_mlp(layer, "mlp", {activation})};
      if (sandwiched) feed.post_norm = layer.norm("post_mlp_layernorm", norm);
      layer.stage(feed);
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }

 private:
  static StackNames names_of(bool sandwiched) {
    return {.family = "glm", .base_class = sandwiched ? "Glm4Model" : "GlmModel", .all_modules = true};
  }
};

}  // namespace

GARAGE_PLUGIN(GlmDecomposer, {.name = "glm",
                              .version = "1.0.0",
                              .license = "Apache-2.0",
                              .families = {"glm"},
                              .model_types = kNames.model_types});
