// Qwen 1, 1.5, 2, 2.5 and 3, dense and mixtures, and those with vision (transformers: modeling_qwen2.py,
// modeling_qwen2_moe.py, modeling_qwen3.py, modeling_qwen3_moe.py, modeling_qwen2_vl.py, modeling_qwen2_5_vl.py,
// modeling_qwen3_vl.py, modeling_qwen3_vl_moe.py; Qwen-1 in qwen1.cpp, Qwen3-Next and 3.5 in qwen3_next.cpp).
#include <algorithm>

#include <garage/sdk/family.hpp>

#include "qwen1.hpp"
#include "qwen3_next.hpp"
#include "vision.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// How the classes of Qwen 2 and 3 differ.
struct Variant {
  const char* model_type;
  const char* base_class;
  StackDims defaults;
  bool qwen3;  // norms over q and k, no bias unless the config says so
  bool is_mixture;
  std::int64_t experts, top_k, expert_width;
  QwenTower tower = QwenTower::none;
  double theta = 10000, eps = 1e-6;
  std::int64_t first_window = 28;  // max_window_layers
};

// The config classes' defaults.
constexpr Variant kVariants[] = {
    {"qwen2", "Qwen2Model", {4096, 32, 32, 32, 0, 22016, 151936, 32768}, false, false, 0, 0, 0},
    {"qwen2_moe", "Qwen2MoeModel", {2048, 24, 16, 16, 0, 5632, 151936, 32768}, false, true, 60, 4, 1408},
    {"qwen3", "Qwen3Model", {4096, 32, 32, 32, 128, 22016, 151936, 32768}, true, false, 0, 0, 0},
    {"qwen3_moe", "Qwen3MoeModel", {2048, 24, 32, 4, 0, 6144, 151936, 32768}, true, true, 128, 8, 768},
    {"qwen2_vl",
     "Qwen2VLModel",
     {8192, 80, 64, 8, 0, 29568, 152064, 32768},
     false,
     false,
     0,
     0,
     0,
     QwenTower::qwen2,
     1e6,
     1e-5,
     80},
    {"qwen2_5_vl",
     "Qwen2_5_VLModel",
     {8192, 80, 64, 8, 0, 29568, 152064, 32768},
     false,
     false,
     0,
     0,
     0,
     QwenTower::qwen2_5,
     1e6,
     1e-5,
     80},
    {"qwen3_vl",
     "Qwen3VLModel",
     {4096, 32, 32, 32, 128, 22016, 151936, 128000},
     true,
     false,
     0,
     0,
     0,
     QwenTower::qwen3_with_deepstack,
     5e5},
    {"qwen3_vl_moe",
     "Qwen3VLMoeModel",
     {2048, 24, 16, 16, 0, 5632, 151936, 128000},
     true,
     true,
     60,
     4,
     1408,
     QwenTower::qwen3_with_deepstack,
     5e5},
};

const Variant& variant_of(const Model& model) {
  for (const auto& variant : kVariants)
    if (is_of(model, variant.model_type)) return variant;
  return kVariants[0];
}

// Which layers see a window only, where the config has no layer_types.
WindowRule slides_by_default(const ConfigReader& config, const Variant& variant) {
  const auto from = layers_from(config, variant.first_window);    // Qwen2Config, Qwen3Config
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
  const bool always = variant.tower != QwenTower::none;  // Qwen3VLMoeTextTopKRouter
  mixture.routing = softmax_routing(always || config.flag("norm_topk_prob", false));
  if (!variant.qwen3) mixture.shared_width = config.dimension("shared_expert_intermediate_size", 5632);
  return mixture;
}

// Qwen3VLTextAttention sees all, whatever the config says.
LayerWindows windows_of(const ConfigReader& config, const StackDims& dims, const Variant& variant) {
  if (variant.qwen3 && variant.tower != QwenTower::none)
    return {std::nullopt, std::vector<bool>(static_cast<std::size_t>(dims.layers), false)};
  // Qwen3MoeModel knows no layer_types.
  return read_windows(config, dims.layers,
                      {.window = 4096,
                       .slides = slides_by_default(config, variant),
                       .reads_layer_types = !variant.is_mixture || !variant.qwen3,
                       .asks_use = true});
}

StackNames names_of(const Variant& variant) {
  if (variant.tower != QwenTower::none) return qwen_vision_names(variant.base_class);
  return {.family = "qwen", .base_class = variant.base_class, .all_modules = true};
}

// OLMoE's norms have Qwen 3's names and are over all heads together; EXAONE MoE and Dots have layers before their
// mixtures that are named as Qwen 3's, and routers with a correction.
bool is_shaped_as_qwen3(const Model& model, const std::string& layer) {
  const auto* norm = model.find(layer + "self_attn.q_norm.weight");
  const auto* q = model.find(layer + "self_attn.q_proj.weight");
  const auto is_correction = [](const TensorInfo& tensor) { return tensor.name.ends_with("e_score_correction_bias"); };
  return q && norm->shape.size() == 1 && q->shape.size() == 2 && norm->shape[0] < q->shape[0] &&
         std::none_of(model.tensors().begin(), model.tensors().end(), is_correction);
}

// Seed-OSS has the same names, and heads that are together wider than the stream; InternVL has a Qwen 2 beside its
// tower.
bool is_shaped_as_qwen2(const Model& model, const std::string& layer) {
  const auto* q = model.find(layer + "self_attn.q_proj.weight");
  return q && q->shape.size() == 2 && q->shape[0] == q->shape[1] && count_tensors(model, "vision_tower.") == 0 &&
         count_tensors(model, "model.vision_tower.") == 0;
}

const FamilyNames kNames = {
    "qwen",
    {"qwen", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "qwen3_next", "qwen3_5_text", "qwen3_5_moe_text", "qwen2_vl",
     "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"},
    {"QWenLMHeadModel",
     "QWenModel",
     "Qwen2ForCausalLM",
     "Qwen2Model",
     "Qwen2MoeForCausalLM",
     "Qwen2MoeModel",
     "Qwen3ForCausalLM",
     "Qwen3Model",
     "Qwen3MoeForCausalLM",
     "Qwen3MoeModel",
     "Qwen3NextForCausalLM",
     "Qwen3NextModel",
     "Qwen3_5ForCausalLM",
     "Qwen3_5TextModel",
     "Qwen3_5MoeForCausalLM",
     "Qwen3_5MoeTextModel",
     "Qwen2VLForConditionalGeneration",
     "Qwen2VLModel",
     "Qwen2_5_VLForConditionalGeneration",
     "Qwen2_5_VLModel",
     "Qwen3VLForConditionalGeneration",
     "Qwen3VLModel",
     "Qwen3VLMoeForConditionalGeneration",
     "Qwen3VLMoeModel",
     "Qwen3_5ForConditionalGeneration",
     "Qwen3_5Model",
     "Qwen3_5MoeForConditionalGeneration",
     "Qwen3_5MoeModel"},
    {// Qwen 1.
     {{"attn.c_attn.bias", "mlp.w1.weight", "mlp.w2.weight", "ln_1.weight"}, {"ln_1.bias"}, nullptr, "h"},
     // Qwen 2: biases of q, k and v alone.
     {{"self_attn.q_proj.bias", "self_attn.k_proj.bias", "input_layernorm.weight"},
      {"self_attn.o_proj.bias", "self_attn.dense.bias", "input_layernorm.bias", "self_attn.q_norm.weight",
       "self_attn.q_layernorm.weight", "mlp.c_fc.weight", "mlp.gate_up_proj.weight"},
      is_shaped_as_qwen2},
     // Qwen 3, dense: its mixtures' names are Mellum's.
     {{"self_attn.q_norm.weight", "self_attn.k_norm.weight", "input_layernorm.weight", "mlp.gate_proj.weight"},
      {"pre_feedforward_layernorm.weight", "pre_mlp_layernorm.weight", "self_attn.g_proj.weight",
       "self_attn.q_proj.bias", "input_layernorm.bias"},
      is_shaped_as_qwen3}}};

class QwenDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    if (is_qwen1(model)) return decompose_qwen1(model);
    if (is_qwen3_next(model)) return decompose_qwen3_next(model);
    const auto whole = ConfigReader::of(model);
    const auto& variant = variant_of(model);
    const bool sees = variant.tower != QwenTower::none;
    const auto config = sees ? qwen_text_config(whole) : whole;
    const auto dims = read_stack_dims(config, variant.defaults);
    const auto activation = config.text("hidden_act", "silu");
    const auto norm = rms(config.positive("rms_norm_eps", variant.eps));
    auto rope = read_rope(config, dims, {.theta = variant.theta, .partial_rotary_factor = {}, .has_sections = sees});
    // Qwen2's q, k and v always have a bias, for which its config has no key; qwen2_moe's has one.
    const bool bias = config.flag(variant.qwen3 ? "attention_bias" : "qkv_bias", !variant.qwen3);
    const auto mixture = read_mixture(config, variant, activation);
    const auto windows = windows_of(config, dims, variant);
    const auto sparse = mixture.experts > 0 ? read_sparse_layers(config) : [](std::int64_t) { return false; };
    StackBuilder text(model, names_of(variant), dims);
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
    text.output_head({.tied = read_tie(whole, false)});
    note_sections(text, config);
    if (sees) add_qwen_vision(text, whole.section("vision_config"), variant.tower);
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(QwenDecomposer, {.name = "qwen",
                               .version = "1.0.0",
                               .license = "Apache-2.0",
                               .families = {"qwen"},
                               .model_types = kNames.model_types});
