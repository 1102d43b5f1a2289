// NanoChat (transformers: modeling_nanochat.py, configuration_nanochat.py): Llama's layers with norms that learn
// nothing, one of them behind the embedding, heads that turn the other way round and are normed once they have turned.
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// NanoChatConfig.
constexpr StackDims kDefaults = {
    .hidden = 768, .layers = 12, .heads = 6, .intermediate = 8192, .vocab = 50304, .max_positions = 2048};

const FamilyNames kNames = {"nanochat", {"nanochat"}, {"NanoChatForCausalLM", "NanoChatModel"}, {}};

class NanoChatDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const NormStyle norm{.eps = config.positive("rms_norm_eps", 1e-6), .has_weight = false};
    const auto activation = config.text("hidden_act", "relu2");
    const bool bias = config.flag("attention_bias", false);
    StackBuilder text(model, {.family = "nanochat", .base_class = "NanoChatModel", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    text.embedding_norm("embedding_norm", "norm", norm);
    auto rope = read_rope(config, dims, kWholeHeads);
    rope.backwards = true;
    text.rotary(rope);
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm),
                   .op = gqa(layer, "self_attn",
                             {.bias = bias,
                              .o_bias = bias,
                              .qk_norm = QkNorm{.style = norm, .after_position = true, .has_weight = false},
                              .rope = rope})});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                   .op = plain_mlp(layer, "mlp", {activation, "fc1", "fc2", /*bias=*/false})});
    }
    text.final_norm("norm", norm);
    const auto cap = config.positive("final_logit_softcapping", 15);
    text.output_head({.tied = read_tie(config, false),
                      .softcap = config.is_null("final_logit_softcapping") ? std::nullopt : std::optional(cap)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(NanoChatDecomposer, {.name = "nanochat",
                                   .version = "1.0.0",
                                   .license = "Apache-2.0",
                                   .families = {"nanochat"},
                                   .model_types = kNames.model_types});
