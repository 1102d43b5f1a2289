// Phi: 1, 1.5, 2 (phi2.cpp), 3, 3.5, 4 and the mixture (transformers: modeling_phi3.py, modeling_phimoe.py).
#include <garage/sdk/claim.hpp>
#include <garage/sdk/llama_like.hpp>
#include <garage/sdk/plugin.hpp>
#include <garage/sdk/rope_config.hpp>

#include "phi2.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// Phi3Config, PhimoeConfig.
constexpr DecoderDims kPhi3 = {.hidden = 3072,
                               .layers = 32,
                               .heads = 32,
                               .kv_heads = 0,
                               .head_dim = 0,
                               .intermediate = 8192,
                               .vocab = 32064,
                               .max_positions = 4096};
constexpr DecoderDims kPhiMoe = {.hidden = 4096,
                                 .layers = 32,
                                 .heads = 32,
                                 .kv_heads = 8,
                                 .head_dim = 0,
                                 .intermediate = 6400,
                                 .vocab = 32064,
                                 .max_positions = 4096 * 32};

const FamilyNames kNames = {
    "phi",
    {"phi", "phi-msft", "phi3", "phimoe"},
    {"PhiForCausalLM", "PhiModel", "Phi3ForCausalLM", "Phi3Model", "PhimoeForCausalLM", "PhimoeModel"},
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
    if (is_of(model, "phi3")) return decompose_phi3(model);
    if (is_of(model, "phimoe")) return decompose_phimoe(model);
    return is_phi_msft(model) ? decompose_phi_msft(model) : decompose_phi2(model);
  }

 private:
  // What both have: a window of all layers, RMS eps, SiLU.
  static LlamaLike common(const ConfigReader& config, const DecoderDims& defaults, const char* base_class) {
    LlamaLike facts;
    facts.names = llama_names("phi", base_class);
    facts.names.all_modules = true;
    facts.dims = read_decoder_dims(config, defaults);
    facts.activation = config.text("hidden_act", "silu");
    facts.norm_eps = config.positive("rms_norm_eps", 1e-5);
    facts.head.declared_tied = config.flag("tie_word_embeddings", false);
    return facts;
  }

  static ModelSpec decompose_phi3(const Model& model) {
    const auto config = ConfigReader::of(model);
    auto facts = common(config, kPhi3, "Phi3Model");
    facts.rope = read_rope(config, facts.dims.head_dim, facts.dims.max_positions, {.original_max_positions = 4096, .longrope_alone = true});
    facts.fused = true;
    facts.layer = [window = config.maybe_dimension("sliding_window")](std::int64_t) {
      return LayerFacts{.window = window};
    };
    return build_llama_like(model, facts).finish();
  }

  // LayerNorms with biases under the key rms_norm_eps; routed by the sparsemixer.
  static ModelSpec decompose_phimoe(const Model& model) {
    const auto config = ConfigReader::of(model);
    auto facts = common(config, kPhiMoe, "PhimoeModel");
    facts.rope = read_rope(config, facts.dims.head_dim, facts.dims.max_positions, {.theta = 1e6, .partial_rotary_factor = {}, .has_mscales = true});
    facts.norms = NormStyle::layer;
    facts.qkv_bias = facts.o_bias = config.flag("attention_bias", false);
    facts.head.bias = config.flag("lm_head_bias", false);
    facts.mixture = MixtureFacts{.experts = config.dimension("num_local_experts", 16),
                                 .top_k = config.dimension("num_experts_per_tok", 2),
                                 .intermediate = facts.dims.intermediate,
                                 .scoring = Scoring::sparsemixer,
                                 .jitter = config.maybe_number("router_jitter_noise").value_or(0.01),
                                 .router = "router"};
    // sparsemixer picks the best, then the best of the rest.
    if (facts.mixture->top_k != 2) config.refuse("num_experts_per_tok", "2, as the sparsemixer has it");
    facts.layer = [window = config.maybe_dimension("sliding_window")](std::int64_t) {
      return LayerFacts{.window = window, .sparse = true};
    };
    return build_llama_like(model, facts).finish();
  }
};

}  // namespace

GARAGE_PLUGIN(PhiDecomposer, {.name = "phi",
                              .version = "1.0.0",
                              .license = "Apache-2.0",
                              .url = "",
                              .families = {"phi"},
                              .model_types = kNames.model_types});
