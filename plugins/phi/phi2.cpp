#include "phi2.hpp"

#include <algorithm>

#include <garage/sdk/family.hpp>

using namespace garage;
using namespace garage::sdk;

namespace {

// PhiConfig.
constexpr StackDims kDefaults = {
    .hidden = 2048, .layers = 24, .heads = 32, .intermediate = 8192, .vocab = 51200, .max_positions = 2048};
constexpr StackDims kMsftDefaults = {.hidden = 1024, .layers = 20, .heads = 16, .vocab = 50304, .max_positions = 2048};

StackDims read_msft_dims(const ConfigReader& config) {
  auto dims = read_gpt2_dims(config, kMsftDefaults);
  dims.kv_heads = config.dimension("n_head_kv", dims.heads);
  // The class rounds the vocabulary up.
  const auto multiple = config.dimension("pad_vocab_size_multiple", 64);
  dims.vocab = (dims.vocab + multiple - 1) / multiple * multiple;
  return dims;
}

// One norm before both.
void add_parallel(LayerBuilder& layer, const Part& norm, const char* module, const GqaOptions& attention,
                  const std::string& activation) {
  layer.stage({{.norm = norm, .op = gqa(layer, module, attention)},
               {.norm = norm, .op = plain_mlp(layer, "mlp", {activation})}});
}

}  // namespace

ModelSpec decompose_phi2(const Model& model) {
  const auto config = ConfigReader::of(model);
  const auto dims = read_stack_dims(config, kDefaults);
  const auto norm = layer_norm(config.positive("layer_norm_eps", 1e-5));
  const auto activation = config.text("hidden_act", "gelu_new");
  GqaOptions attention{.o = "dense", .bias = true, .o_bias = true};
  attention.rope = read_rope(config, dims, {.partial_rotary_factor = 0.5});
  if (config.flag("qk_layernorm", false)) attention.qk_norm = {norm, "q_layernorm", "k_layernorm"};
  StackBuilder text(model, {.family = "phi", .base_class = "PhiModel", .all_modules = true}, dims);
  text.embedding("embed_tokens");
  text.rotary(*attention.rope);
  for (auto& layer : text.layers())
    add_parallel(layer, layer.norm("input_layernorm", norm), "self_attn", attention, activation);
  text.final_norm("final_layernorm", norm);
  text.output_head({.tied = read_tie(config, false), .bias = true});
  return text.finish();
}

bool is_phi_msft(const Model& model) {
  if (const auto type = model_type_of(model); !type.empty()) return type == "phi-msft";
  return model.find("transformer.h.0.mixer.Wqkv.weight") != nullptr;
}

ModelSpec decompose_phi_msft(const Model& model) {
  const auto config = ConfigReader::of(model);
  const auto dims = read_msft_dims(config);
  const auto norm = layer_norm(config.positive("layer_norm_epsilon", 1e-5));
  const auto activation = config.text("activation_function", "gelu_new");
  GqaOptions attention{.qkv = fused_qkv("Wqkv"), .o = "out_proj", .bias = true, .o_bias = true};
  attention.rope = Rope{.theta = 10000, .dims = std::min(config.dimension("rotary_dim", 32), dims.head_dim)};
  // The head is a module of norm and projection outside `transformer`, so that no prefix is shared by all.
  StackBuilder text(model,
                    {.family = "phi",
                     .prefix = "",
                     .layers = "transformer.h",
                     .layers_key = std::string(config.spelling({"n_layer", "num_hidden_layers"})),
                     .heads = {"lm_head.linear"}},
                    dims);
  text.embedding("transformer.embd.wte");
  text.rotary(*attention.rope, {.key = "rotary_dim"});
  for (auto& layer : text.layers()) add_parallel(layer, layer.norm("ln", norm), "mixer", attention, activation);
  text.final_norm("final_layernorm", "lm_head.ln", norm);
  text.output_head({.tied = read_tie(config, false), .bias = true});
  return text.finish();
}
