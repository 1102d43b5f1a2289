// Qwen 1, 1.5, 2, 2.5 and 3, dense and mixtures (transformers: modeling_qwen2.py, modeling_qwen2_moe.py,
// modeling_qwen3.py, modeling_qwen3_moe.py; Qwen-1 in qwen1.cpp).
#include <garage/sdk/family.hpp>

#include "qwen1.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// How the four classes of Qwen 2 and 3 differ.
struct Variant {
  const char* model_type;
  const char* base_class;
  StackDims defaults;
  bool qwen3;  // norms over q and k, no bias unless the config says so
  bool is_mixture;
  std::int64_t experts, top_k, expert_width;
};

// The config classes' defaults.
constexpr Variant kVariants[] = {
    {"qwen2", "Qwen2Model", {4096, 32, 32, 32, 0, 22016, 151936, 32768}, false, false, 0, 0, 0},
    {"qwen2_moe", "Qwen2MoeModel", {2048, 24, 16, 16, 0, 5632, 151936, 32768}, false, true, 60, 4, 1408},
    {"qwen3", "Qwen3Model", {4096, 32, 32, 32, 128, 22016, 151936, 32768}, true, false, 0, 0, 0},
    {"qwen3_moe", "Qwen3MoeModel", {2048, 24, 32, 4, 0, 6144, 151936, 32768}, true, true, 128, 8, 768},
};

const Variant& variant_of(const Model& model) {
  for (const auto& variant : kVariants)
    if (is_of(model, variant.model_type)) return variant;
  return kVariants[0];
}

// Which layers see a window only, where the config has no layer_types.
WindowRule slides_by_default(const ConfigReader& config, const Variant& variant) {
  const auto from = layers_from(config, 28);                      // Qwen2Config, Qwen3Config
  if (variant.is_mixture && variant.qwen3) return every_layer();  // Qwen3MoeModel: all or none
  return variant.is_mixture ? every_other_layer_below(config, 28) : from;
}

MoeOptions read_mixture(const ConfigReader& config, const Variant& variant, const std::string& activation) {
  MoeOptions mixture{.activation = activation};
  if (!variant.is_mixture) return mixture;
  // transformers 5 writes Qwen3MoE's as num_local_experts.
  mixture.experts = config.count(config.spelling({"num_experts", "num_local_experts"}), variant.experts);
  mixture.top_k = config.dimension("num_experts_per_tok", variant.top_k);
  mixture.width = config.dimension("moe_intermediate_size", variant.expert_width);
  mixture.routing = softmax_routing(config.flag("norm_topk_prob", false));
  if (!variant.qwen3) mixture.shared_width = config.dimension("shared_expert_intermediate_size", 5632);
  return mixture;
}

bool norms_one_head(const Model& model, const std::string& layer) {
  const auto* norm = model.find(layer + "self_attn.q_norm.weight");
  const auto* q = model.find(layer + "self_attn.q_proj.weight");
  return q && norm->shape.size() == 1 && q->shape.size() == 2 && norm->shape[0] < q->shape[0];
}

const FamilyNames kNames = {
    "qwen",
    {"qwen", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe"},
    {"QWenLMHeadModel", "QWenModel", "Qwen2ForCausalLM", "Qwen2Model", "Qwen2MoeForCausalLM", "Qwen2MoeModel",
     "Qwen3ForCausalLM", "Qwen3Model", "Qwen3MoeForCausalLM", "Qwen3MoeModel"},
    {// Qwen 1.
     {{"attn.c_attn.bias", "mlp.w1.weight", "mlp.w2.weight", "ln_1.weight"}, {"ln_1.bias"}, nullptr, "h"},
     // Qwen 2: biases of q, k and v alone.
     {{"self_attn.q_proj.bias", "self_attn.k_proj.bias", "input_layernorm.weight"},
      {"self_attn.o_proj.bias", "self_attn.dense.bias", "input_layernorm.bias", "self_attn.q_norm.weight",
       "self_attn.q_layernorm.weight", "mlp.c_fc.weight"}},
     // Qwen 3; OLMoE's norms have these names and are over all heads together.
     {{"self_attn.q_norm.weight", "self_attn.k_norm.weight", "input_layernorm.weight"},
      {"pre_feedforward_layernorm.weight", "self_attn.q_proj.bias", "input_layernorm.bias"},
      norms_one_head}}};

class QwenDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    if (is_qwen1(model)) return decompose_qwen1(model);
    const auto config = ConfigReader::of(model);
    const auto& variant = variant_of(model);
    const auto dims = read_stack_dims(config, variant.defaults);
    const auto activation = config.text("hidden_act", "silu");
    const auto norm = rms(config.positive("rms_norm_eps", 1e-6));
    auto rope = read_rope(config, dims, kWholeHeads);
    // Qwen2's q, k and v always have a bias, for which its config has no key; qwen2_moe's has one.
    const bool bias = config.flag(variant.qwen3 ? "attention_bias" : "qkv_bias", !variant.qwen3);
    const auto mixture = read_mixture(config, variant, activation);
    // Qwen3MoeModel knows no layer_types.
    const auto windows = read_windows(config, dims.layers,
                                      {.window = 4096,
                                       .slides = slides_by_default(config, variant),
                                       .reads_layer_types = !variant.is_mixture || !variant.qwen3,
                                       .asks_use = true});
    const auto sparse = mixture.experts > 0 ? read_sparse_layers(config) : [](std::int64_t) { return false; };
    StackBuilder text(model, {.family = "qwen", .base_class = variant.base_class, .all_modules = true}, dims);
    text.embedding("embed_tokens");
    text.rotary(rope);
    for (auto& layer : text.layers()) {
      GqaOptions attention{.bias = bias, .o_bias = bias && variant.qwen3, .rope = rope};
      if (variant.qwen3) attention.qk_norm = {norm};
      attention.window = windows.at(layer.index());
      layer.stage({.norm = layer.norm("input_layernorm", norm), .op = gqa(layer, "self_attn", attention)});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                   .op = sparse(layer.index()) ? moe(layer, "mlp", mixture) : gated_mlp(layer, "mlp", {activation})});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(QwenDecomposer, {.name = "qwen",
                               .version = "1.0.0",
                               .license = "Apache-2.0",
                               .families = {"qwen"},
                               .model_types = kNames.model_types});
