// Laguna (transformers: modeling_laguna.py, configuration_laguna.py): attentions through a gate, of as many heads in
// each layer as the config says, with a rope for each type; mixtures of a sigmoid router.
#include <algorithm>

#include <garage/sdk/family.hpp>
#include <garage/sdk/rope_of_type.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// LagunaConfig.
constexpr StackDims kDefaults = {2048, 40, 48, 8, 128, 8192, 100352, 131072};

const FamilyNames kNames = {
    "laguna",
    {"laguna"},
    {"LagunaForCausalLM", "LagunaModel"},
    {{{"self_attn.g_proj.weight", "self_attn.q_norm.weight", "self_attn.k_norm.weight", "input_layernorm.weight"},
      {}}}};

// The masks are made of what layer_types has, and fail without a window.
LayerWindows read_laguna_windows(const ConfigReader& config, const StackDims& dims) {
  const auto none = [](std::int64_t) { return false; };
  auto windows = read_windows(config, dims.layers, {.window = 512, .slides = none});
  if (!windows.window && std::find(windows.slides.begin(), windows.slides.end(), true) != windows.slides.end())
    config.refuse("sliding_window", "a whole number: layer_types has layers that see a window");
  return windows;
}

// num_attention_heads_per_layer
std::vector<std::int64_t> read_heads(const ConfigReader& config, const StackDims& dims) {
  constexpr std::string_view kKey = "num_attention_heads_per_layer";
  if (!config.has(kKey)) return std::vector<std::int64_t>(static_cast<std::size_t>(dims.layers), dims.heads);
  const auto heads = config.indices(kKey);
  if (static_cast<std::int64_t>(heads.size()) != dims.layers) config.refuse(kKey, "a list with an entry a layer");
  for (const auto of_layer : heads)
    if (of_layer < 1 || of_layer % dims.kv_heads != 0) config.refuse(kKey, "such that the kv heads divide each");
  return heads;
}

// LagunaTopKRouter, LagunaSparseMoeBlock: the sum of the experts is scaled, not what is shared.
MoeOptions read_mixture(const ConfigReader& config, const std::string& activation) {
  if (config.flag("moe_apply_router_weight_on_input", false))
    config.unsupported("moe_apply_router_weight_on_input",
                       "what its class refuses, tokens weighed before an expert sees them,");
  MoeOptions mixture{.activation = activation,
                     .experts = config.dimension("num_experts", 256),
                     .top_k = config.dimension("num_experts_per_tok", 8),
                     .width = config.dimension("moe_intermediate_size", 512)};
  auto& routing = mixture.routing;
  routing.scoring = Scoring::sigmoid;
  routing.renormalise = true;
  routing.scale = config.positive("moe_routed_scaling_factor", 1);
  if (const auto cap = config.maybe_number("moe_router_logit_softcapping").value_or(0); cap > 0) routing.softcap = cap;
  routing.correction = {"experts.e_score_correction_bias", "gate.e_score_correction_bias"};
  mixture.shared_width = config.dimension("shared_expert_intermediate_size", 512);
  mixture.shared_gate = false;
  return mixture;
}

// LagunaAttention: a gate of each head, or (in later versions) of each of its numbers.
void read_gate(const ConfigReader& config, GqaOptions& attention) {
  const auto kind = config.is_text("gating") ? config.text("gating") : config.flag("gating", true) ? "per-head" : "";
  if (kind != "per-head" && kind != "per-element")
    config.unsupported("gating", "another gate than per-head and per-element");
  attention.gate = "g_proj";
  attention.gate_kind = GateKind::softplus;
  attention.gate_of_head = kind == "per-head";
}

class LagunaDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms(config.positive("rms_norm_eps", 1e-6));
    const auto activation = config.text("hidden_act", "silu");
    const bool bias = config.flag("attention_bias", false);
    const auto windows = read_laguna_windows(config, dims);
    const auto heads = read_heads(config, dims);
    auto mixture = read_mixture(config, activation);
    std::vector<std::string> kinds(static_cast<std::size_t>(dims.layers), "sparse");
    kinds.front() = "dense";
    if (config.has("mlp_layer_types"))
      kinds = read_layer_types(config, dims.layers, {"dense", "sparse"}, "mlp_layer_types");
    GqaOptions attention{.bias = bias, .o_bias = bias, .qk_norm = QkNorm{norm}};
    read_gate(config, attention);
    StackBuilder text(model, {.family = "laguna", .base_class = "LagunaModel", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    std::optional<Rope> full, sliding;  // of layers that see all, and of those that see a window
    const auto rope_of = [&](std::int64_t layer) {
      const bool slides = windows.slides_at(layer);
      auto& rope = slides ? sliding : full;
      if (rope) return *rope;
      const RopeDefaults of_class{.theta = slides ? 1e4 : 5e5, .partial_rotary_factor = slides ? 1 : 0.5};
      rope = read_rope_of_type(config, dims, slides ? "sliding_attention" : "full_attention", of_class);
      return text.rotary(*rope, {.name = slides ? "rotary_emb_local" : "rotary_emb"});
    };
    for (std::int64_t i = 0; i < dims.layers; ++i) rope_of(i);  // so that their parts come before the layers'
    for (auto& layer : text.layers()) {
      const auto i = static_cast<std::size_t>(layer.index());
      attention.rope = rope_of(layer.index());
      attention.window = windows.at(layer.index());
      attention.heads = heads[i];
      mixture.shared = layer.tensors().has_any("mlp.shared_experts.") ? "shared_experts" : "shared_expert";
      layer.stage({.norm = layer.norm("input_layernorm", norm), .op = gqa(layer, "self_attn", attention)});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                   .op = kinds[i] == "sparse" ? moe(layer, "mlp", mixture) : gated_mlp(layer, "mlp", {activation})});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(LagunaDecomposer, {.name = "laguna",
                                 .version = "1.0.0",
                                 .license = "Apache-2.0",
                                 .families = {"laguna"},
                                 .model_types = kNames.model_types});
