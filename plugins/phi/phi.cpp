// Phi: 1, 1.5, 2 (phi2.cpp), 3, 3.5, 4, the mixture, and Phi-4 multimodal, whose text model is Phi-4's (transformers:
// modeling_phi3.py, modeling_phimoe.py, modeling_phi4_multimodal.py).
#include <garage/sdk/family.hpp>

#include "phi2.hpp"
#include "phi4_towers.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// Phi3Config, Phi4MultimodalConfig, PhimoeConfig.
constexpr StackDims kPhi3 = {
    .hidden = 3072, .layers = 32, .heads = 32, .intermediate = 8192, .vocab = 32064, .max_positions = 4096};
constexpr StackDims kPhi4Multimodal = {3072, 32, 32, 8, 0, 8192, 200064, 131072};
constexpr StackDims kPhiMoe = {.hidden = 4096,
                               .layers = 32,
                               .heads = 32,
                               .kv_heads = 8,
                               .intermediate = 6400,
                               .vocab = 32064,
                               .max_positions = 4096 * 32};

const FamilyNames kNames = {
    "phi",
    {"phi", "phi-msft", "phi3", "phimoe", "phi4_multimodal"},
    {"PhiForCausalLM", "PhiModel", "Phi3ForCausalLM", "Phi3Model", "PhimoeForCausalLM", "PhimoeModel",
     "Phi4MultimodalForCausalLM", "Phi4MultimodalModel"},
    {// Phi 1 and 2, Phi 3 and 4, the mixture.
     {{"self_attn.dense.weight", "mlp.fc1.weight", "self_attn.q_proj.weight", "input_layernorm.bias"},
      {"post_attention_layernorm.weight"}},
     {{"self_attn.qkv_proj.weight", "mlp.gate_up_proj.weight", "input_layernorm.weight"},
      {"input_layernorm.bias", "self_attn.qkv_proj.bias"}},
     {{"block_sparse_moe.gate.weight", "block_sparse_moe.experts.0.w1.weight", "input_layernorm.bias"}, {}}}};

class PhiDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    if (is_of(model, "phi3")) return decompose_phi3(model, /*is_multimodal=*/false);
    if (is_of(model, "phi4_multimodal")) return decompose_phi3(model, /*is_multimodal=*/true);
    if (is_of(model, "phimoe")) return decompose_phimoe(model);
    return is_phi_msft(model) ? decompose_phi_msft(model) : decompose_phi2(model);
  }

 private:
  static ModelSpec decompose_phi3(const Model& model, bool is_multimodal) {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, is_multimodal ? kPhi4Multimodal : kPhi3);
    const auto activation = config.text("hidden_act", "silu");
    const auto norm = rms(config.positive("rms_norm_eps", 1e-5));
    GqaOptions attention{.qkv = fused_qkv("qkv_proj")};
    attention.rope = read_rope(config, dims, {.original_max_positions = 4096, .longrope_alone = true});
    attention.window = config.maybe_dimension("sliding_window");
    const auto* base = is_multimodal ? "Phi4MultimodalModel" : "Phi3Model";
    StackBuilder text(model, {.family = "phi", .base_class = base, .all_modules = true}, dims);
    text.embedding("embed_tokens");
    text.rotary(*attention.rope);
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm), .op = gqa(layer, "self_attn", attention)});
      layer.stage(
          {.norm = layer.norm("post_attention_layernorm", norm), .op = fused_gated_mlp(layer, "mlp", {activation})});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    if (is_multimodal) {
      add_phi4_vision(text, config.section("vision_config"));
      add_phi4_audio(text, config.section("audio_config"));
    }
    return text.finish();
  }

  // LayerNorms with biases under the key rms_norm_eps; routed by the sparsemixer.
  static ModelSpec decompose_phimoe(const Model& model) {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kPhiMoe);
    const auto norm = layer_norm(config.positive("rms_norm_eps", 1e-5));
    const bool bias = config.flag("attention_bias", false);
    GqaOptions attention{.bias = bias, .o_bias = bias};
    attention.rope = read_rope(config, dims, {.theta = 1e6, .partial_rotary_factor = {}, .has_mscales = true});
    attention.window = config.maybe_dimension("sliding_window");
    const MoeOptions mixture{.activation = config.text("hidden_act", "silu"),
                             .experts = config.dimension("num_local_experts", 16),
                             .top_k = config.dimension("num_experts_per_tok", 2),
                             .width = dims.intermediate,
                             .routing = sparsemixer(config.maybe_number("router_jitter_noise").value_or(0.01)),
                             .router = "router"};
    // sparsemixer picks the best, then the best of the rest.
    if (mixture.top_k != 2) config.refuse("num_experts_per_tok", "2, as the sparsemixer has it");
    StackBuilder text(model, {.family = "phi", .base_class = "PhimoeModel", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    text.rotary(*attention.rope);
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm), .op = gqa(layer, "self_attn", attention)});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm), .op = moe(layer, "mlp", mixture)});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false), .bias = config.flag("lm_head_bias", false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(PhiDecomposer, {.name = "phi",
                              .version = "1.0.0",
                              .license = "Apache-2.0",
                              .families = {"phi"},
                              .model_types = kNames.model_types});
