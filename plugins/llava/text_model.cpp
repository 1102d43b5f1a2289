// transformers: modeling_llama.py, modeling_mistral.py, modeling_qwen2.py, modeling_qwen3.py and their configurations.
#include "text_model.hpp"

using namespace garage;
using namespace garage::sdk;

namespace {

// How the classes differ, and their config classes' defaults.
struct Kind {
  std::string_view model_type;
  StackDims defaults;
  bool has_windows, asks_use;  // of layers that see a window; whether only with use_sliding_window
  bool qkv_bias, reads_bias;   // always; as attention_bias says, o's too
  bool norms_heads, reads_mlp_bias;
};

constexpr Kind kKinds[] = {
    {"llama", {4096, 32, 32, 0, 0, 11008, 32000, 2048}, false, false, false, true, false, true},
    {"mistral", {4096, 32, 32, 8, 0, 14336, 32000, 4096 * 32}, true, false, false, false, false, false},
    {"qwen2", {4096, 32, 32, 32, 0, 22016, 151936, 32768}, true, true, true, false, false, false},
    {"qwen3", {4096, 32, 32, 32, 128, 22016, 151936, 32768}, true, true, false, true, true, false},
};

const Kind& kind_of(const ConfigReader& config, std::string_view otherwise) {
  const auto type = config.text("model_type", otherwise);
  for (const auto& kind : kKinds)
    if (kind.model_type == type) return kind;
  config.unsupported("model_type", "another text model than Llama's, Mistral's and Qwen's beside pictures");
}

}  // namespace

TextModel::TextModel(const ConfigReader& config, std::string_view model_type, double eps) {
  const auto& kind = kind_of(config, model_type);
  dims_ = read_stack_dims(config, kind.defaults);
  norm_ = rms(config.positive("rms_norm_eps", eps));
  activation_ = config.text("hidden_act", "silu");
  const bool bias = kind.reads_bias && config.flag("attention_bias", false);
  attention_.bias = bias || kind.qkv_bias;
  attention_.o_bias = bias;
  attention_.rope = read_rope(config, dims_, kWholeHeads);
  if (kind.norms_heads) attention_.qk_norm = {norm_};
  if (kind.reads_mlp_bias) mlp_bias_ = config.flag("mlp_bias", false);
  if (!kind.has_windows) return;
  const auto slides = kind.asks_use ? layers_from(config, 28) : every_layer();
  windows_ = read_windows(config, dims_.layers, {.window = 4096, .slides = slides, .asks_use = kind.asks_use});
}

void TextModel::add_to(StackBuilder& text, bool tied) const {
  text.embedding("embed_tokens");
  text.rotary(*attention_.rope);
  for (auto& layer : text.layers()) {
    auto attention = attention_;
    if (!windows_.slides.empty()) attention.window = windows_.at(layer.index());
    layer.stage({.norm = layer.norm("input_layernorm", norm_), .op = gqa(layer, "self_attn", attention)});
    layer.stage({.norm = layer.norm("post_attention_layernorm", norm_),
                 .op = gated_mlp(layer, "mlp", {.activation = activation_, .bias = mlp_bias_})});
  }
  text.final_norm("norm", norm_);
  text.output_head({.tied = tied});
}
