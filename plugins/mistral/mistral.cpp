// Mistral and Mixtral (transformers: modeling_mistral.py, modeling_mixtral.py and their configurations).
#include <garage/sdk/claim.hpp>
#include <garage/sdk/llama_like.hpp>
#include <garage/sdk/plugin.hpp>
#include <garage/sdk/rope_config.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// MistralConfig; MixtralConfig differs in max_position_embeddings alone.
constexpr DecoderDims kDefaults = {.hidden = 4096,
                                   .layers = 32,
                                   .heads = 32,
                                   .kv_heads = 8,
                                   .head_dim = 0,
                                   .intermediate = 14336,
                                   .vocab = 32000,
                                   .max_positions = 4096 * 32};

const FamilyNames kNames = {"mistral",
                            {"mistral", "mixtral", "ministral"},
                            {"MistralForCausalLM", "MistralModel", "MixtralForCausalLM", "MixtralModel",
                             "MinistralForCausalLM", "MinistralModel"},
                            // Mixtral's; Mistral's own names are Llama's.
                            {{{"block_sparse_moe.gate.weight", "block_sparse_moe.experts.0.w1.weight",
                               "self_attn.q_proj.weight", "input_layernorm.weight"},
                              {"input_layernorm.bias", "self_attn.q_norm.weight"}}}};

class MistralDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const bool mixtral = is_of(model, "mixtral");
    LlamaLike facts;
    facts.names = llama_names("mistral", mixtral                     ? "MixtralModel"
                                         : is_of(model, "ministral") ? "MinistralModel"
                                                                     : "MistralModel");
    facts.names.all_modules = true;
    facts.dims = read_decoder_dims(config, kDefaults);
    facts.activation = config.text("hidden_act", "silu");
    facts.norm_eps = config.positive("rms_norm_eps", mixtral ? 1e-5 : 1e-6);
    facts.rope = read_rope(config, facts.dims.head_dim, facts.dims.max_positions,
                           {.theta = mixtral ? 1e6 : 1e4, .partial_rotary_factor = {}});
    facts.head.declared_tied = config.flag("tie_word_embeddings", false);

    // Absent: 4096 in Mistral's class, none in Mixtral's. Null: none. layer_types says which layers it is for.
    auto window = config.maybe_dimension("sliding_window");
    if (!mixtral && !window && !config.is_null("sliding_window")) window = 4096;
    // With layer_types AutoConfig makes a Ministral of a Mistral; Mixtral's class knows none.
    const auto sliding = mixtral ? std::nullopt : read_sliding_layers(config, facts.dims.layers);
    facts.layer = [=](std::int64_t i) {
      const bool windowed = !sliding || (*sliding)[static_cast<std::size_t>(i)];
      return LayerFacts{.window = windowed ? window : std::nullopt, .sparse = mixtral};
    };
    // MixtralTopKRouter: softmax over all experts, the best top_k, divided by their sum.
    if (mixtral)
      facts.mixture = MixtureFacts{.experts = config.dimension(config.spelling({"num_local_experts", "num_experts"}), 8),
                                   .top_k = config.dimension("num_experts_per_tok", 2),
                                   .intermediate = facts.dims.intermediate,
                                   .scoring = Scoring::softmax_renormalised};
    auto spec = build_llama_like(model, facts).finish();
    if (window) spec.extra_info["sliding_window"] = *window;
    return spec;
  }
};

}  // namespace

GARAGE_PLUGIN(MistralDecomposer, {.name = "mistral",
                                  .version = "1.0.0",
                                  .license = "Apache-2.0",
                                  .url = "",
                                  .families = {"mistral"},
                                  .model_types = kNames.model_types});
