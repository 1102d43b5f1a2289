// Qwen 1, 1.5, 2, 2.5 and 3, dense and mixtures (transformers: modeling_qwen2.py, modeling_qwen2_moe.py,
// modeling_qwen3.py, modeling_qwen3_moe.py; Qwen-1 in qwen1.cpp).
#include <algorithm>

#include <garage/sdk/claim.hpp>
#include <garage/sdk/llama_like.hpp>
#include <garage/sdk/plugin.hpp>
#include <garage/sdk/rope_config.hpp>

#include "qwen1.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// How the four classes of Qwen 2 and 3 differ.
struct Variant {
  const char* model_type;
  const char* base_class;
  DecoderDims defaults;
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

// transformers 5 writes Qwen3MoE's as num_local_experts.
std::string_view experts_key(const ConfigReader& config) {
  return config.spelling({"num_experts", "num_local_experts"});
}

// Which layers see a window only, where the config has no layer_types.
bool slides_by_default(const Variant& variant, std::int64_t layer, std::int64_t max_window_layers) {
  if (!variant.is_mixture) return layer >= max_window_layers;  // Qwen2Config, Qwen3Config
  if (variant.qwen3) return true;                              // Qwen3MoeModel: all or none
  return (layer + 1) % 2 != 0 && layer < max_window_layers;    // Qwen2MoeConfig
}

// Qwen2MoeDecoderLayer: sparse unless named in mlp_only_layers, every decoder_sparse_step-th.
std::function<bool(std::int64_t)> sparse_layers(const ConfigReader& config, const Variant& variant) {
  if (!variant.is_mixture || config.count(experts_key(config), variant.experts) == 0)
    return [](std::int64_t) { return false; };
  const auto step = config.dimension("decoder_sparse_step", 1);
  return [step, dense = config.indices("mlp_only_layers")](std::int64_t i) {
    return std::find(dense.begin(), dense.end(), i) == dense.end() && (i + 1) % step == 0;
  };
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
    LlamaLike facts;
    facts.names = llama_names("qwen", variant.base_class);
    facts.names.all_modules = true;
    facts.dims = read_decoder_dims(config, variant.defaults);
    facts.activation = config.text("hidden_act", "silu");
    facts.norm_eps = config.positive("rms_norm_eps", 1e-6);
    facts.rope = read_rope(config, facts.dims.head_dim, facts.dims.max_positions, {.partial_rotary_factor = {}});
    facts.head.declared_tied = config.flag("tie_word_embeddings", false);
    facts.qk_norm = variant.qwen3;
    // Qwen2's q, k and v always have a bias, for which its config has no key; qwen2_moe's has one.
    facts.qkv_bias = config.flag(variant.qwen3 ? "attention_bias" : "qkv_bias", !variant.qwen3);
    facts.o_bias = variant.qwen3 && facts.qkv_bias;
    if (variant.is_mixture) facts.mixture = read_mixture(config, variant);
    facts.layer = read_layers(config, variant, facts.dims.layers);
    return build_llama_like(model, facts).finish();
  }

 private:
  static MixtureFacts read_mixture(const ConfigReader& config, const Variant& variant) {
    MixtureFacts mixture;
    mixture.experts = config.count(experts_key(config), variant.experts);
    mixture.top_k = config.dimension("num_experts_per_tok", variant.top_k);
    mixture.intermediate = config.dimension("moe_intermediate_size", variant.expert_width);
    mixture.scoring = config.flag("norm_topk_prob", false) ? Scoring::softmax_renormalised : Scoring::softmax;
    if (!variant.qwen3) mixture.shared_intermediate = config.dimension("shared_expert_intermediate_size", 5632);
    return mixture;
  }

  static std::function<LayerFacts(std::int64_t)> read_layers(const ConfigReader& config, const Variant& variant,
                                                             std::int64_t layers) {
    std::optional<std::int64_t> window;
    if (config.flag("use_sliding_window", false) && !config.is_null("sliding_window"))
      window = config.dimension("sliding_window", 4096);
    // Qwen3MoeModel knows no layer_types.
    const auto sliding =
        variant.is_mixture && variant.qwen3 ? std::nullopt : read_sliding_layers(config, layers);
    const auto max_window_layers = config.count("max_window_layers", 28);
    return [=, &variant, sparse = sparse_layers(config, variant)](std::int64_t i) {
      const bool slides =
          sliding ? (*sliding)[static_cast<std::size_t>(i)] : slides_by_default(variant, i, max_window_layers);
      return LayerFacts{.window = slides ? window : std::nullopt, .sparse = sparse(i)};
    };
  }
};

}  // namespace

GARAGE_PLUGIN(QwenDecomposer, {.name = "qwen",
                               .version = "1.0.0",
                               .license = "Apache-2.0",
                               .url = "",
                               .families = {"qwen"},
                               .model_types = kNames.model_types});
