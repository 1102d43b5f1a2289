// Llama (transformers: modeling_llama.py, configuration_llama.py): Llama 1 to 3.3, CodeLlama, TinyLlama and all else
// whose model_type is `llama`.
#include <garage/sdk/claim.hpp>
#include <garage/sdk/llama_like.hpp>
#include <garage/sdk/plugin.hpp>
#include <garage/sdk/rope_config.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// LlamaConfig.
constexpr DecoderDims kDefaults = {.hidden = 4096,
                                   .layers = 32,
                                   .heads = 32,
                                   .kv_heads = 0,
                                   .head_dim = 0,
                                   .intermediate = 11008,
                                   .vocab = 32000,
                                   .max_positions = 2048};

// Tensor names and shapes are Mistral's too, so that they are no reason to claim a model.
const FamilyNames kNames = {"llama", {"llama"}, {"LlamaForCausalLM", "LlamaModel"}};

class LlamaDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    LlamaLike facts;
    facts.names = llama_names("llama", "LlamaModel");
    facts.names.all_modules = true;
    facts.dims = read_decoder_dims(config, kDefaults);
    facts.activation = config.text("hidden_act", "silu");
    facts.norm_eps = config.positive("rms_norm_eps", 1e-6);
    facts.rope = read_rope(config, facts.dims.head_dim, facts.dims.max_positions, {.partial_rotary_factor = {}});
    facts.qkv_bias = facts.o_bias = config.flag("attention_bias", false);
    facts.mlp_bias = config.flag("mlp_bias", false);
    facts.head.declared_tied = config.flag("tie_word_embeddings", false);
    return build_llama_like(model, facts).finish();
  }
};

}  // namespace

GARAGE_PLUGIN(LlamaDecomposer, {.name = "llama",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .url = "",
                                .families = {"llama"},
                                .model_types = kNames.model_types});
