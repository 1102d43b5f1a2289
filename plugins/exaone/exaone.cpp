// EXAONE 4 and its mixture, EXAONE MoE (transformers: modeling_exaone4.py, modeling_exaone_moe.py and their
// configurations): layers that see a window turn by a rope, those that see all do not.
#include <algorithm>

#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// Exaone4Config and ExaoneMoeConfig.
constexpr StackDims kDefaults = {4096, 32, 32, 32, 0, 16384, 102400, 2048};

const FamilyNames kNames = {"exaone",
                            {"exaone4", "exaone_moe"},
                            {"Exaone4ForCausalLM", "Exaone4Model", "ExaoneMoeForCausalLM", "ExaoneMoeModel"},
                            {}};

// Without a window every layer sees all. sliding_window_pattern is read where there are no layer_types; else it may be
// any text.
LayerWindows read_exaone_windows(const ConfigReader& config, const StackDims& dims) {
  const bool has_none = config.is_null("sliding_window");
  WindowRule slides = [](std::int64_t) { return false; };
  if (!has_none && !config.has("layer_types")) slides = all_but_every_nth_layer(config, 4);
  auto windows = read_windows(config, dims.layers, {.window = 4096, .slides = slides});
  if (has_none && std::find(windows.slides.begin(), windows.slides.end(), true) != windows.slides.end())
    config.refuse("sliding_window", "a whole number: layer_types has layers that see a window");
  return windows;
}

struct Facts {
  StackDims dims;
  NormStyle norm;
  std::string activation;
  Rope rope;
  LayerWindows windows;

  explicit Facts(const ConfigReader& config)
      : dims(read_stack_dims(config, kDefaults)),
        norm(rms(config.positive("rms_norm_eps", 1e-5))),
        activation(config.text("hidden_act", "silu")),
        rope(read_rope(config, dims, kWholeHeads)),
        windows(read_exaone_windows(config, dims)) {}

  GqaOptions attention(std::int64_t layer) const {
    GqaOptions options{.qk_norm = QkNorm{norm}, .window = windows.at(layer)};
    if (!windows.window || windows.slides_at(layer)) options.rope = rope;
    return options;
  }
};

void add_exaone4(StackBuilder& text, const Facts& facts) {
  for (auto& layer : text.layers()) {
    layer.stage({.op = gqa(layer, "self_attn", facts.attention(layer.index())),
                 .post_norm = layer.norm("post_attention_layernorm", facts.norm)});
    layer.stage({.op = gated_mlp(layer, "mlp", {facts.activation}),
                 .post_norm = layer.norm("post_feedforward_layernorm", facts.norm)});
  }
}

std::vector<bool> read_sparse(const ConfigReader& config, std::int64_t layers) {
  std::vector<bool> sparse;
  if (config.has("mlp_layer_types")) {
    for (const auto& type : read_layer_types(config, layers, {"dense", "sparse"}, "mlp_layer_types"))
      sparse.push_back(type == "sparse");
    return sparse;
  }
  const auto dense = config.count("first_k_dense_replace", 1);
  for (std::int64_t i = 0; i < layers; ++i) sparse.push_back(i >= dense);
  return sparse;
}

// ExaoneMoeTopkRouter, ExaoneMoeSparseMoEBlock. Of one group that is kept nothing is left out.
MoeOptions read_mixture(const ConfigReader& config, const std::string& activation) {
  MoeOptions mixture{.activation = activation,
                     .experts = config.dimension("num_experts", 64),
                     .top_k = config.dimension("num_experts_per_tok", 8),
                     .width = config.dimension("moe_intermediate_size", 1024)};
  auto& routing = mixture.routing;
  routing.scoring = Scoring::sigmoid;
  routing.renormalise = config.flag("norm_topk_prob", true);
  if (routing.renormalise) routing.sum_epsilon = 1e-20;
  routing.scale = config.positive("routed_scaling_factor", 2.5);
  routing.in_float32 = true;
  routing.correction = {"e_score_correction_bias", "gate.e_score_correction_bias"};
  const RouterGroups groups{config.dimension("n_group", 1), config.dimension("topk_group", 1), 2};
  if (groups.count > 1) routing.groups = groups;
  else if (groups.kept > 1) config.refuse("topk_group", "no more than there are groups, 1");
  mixture.shared_width = mixture.width * config.dimension("num_shared_experts", 1);
  mixture.shared_gate = false;
  mixture.shared = "shared_experts";
  return mixture;
}

void add_exaone_moe(StackBuilder& text, const Facts& facts, const ConfigReader& config) {
  const auto sparse = read_sparse(config, facts.dims.layers);
  const auto mixture = read_mixture(config, facts.activation);
  for (auto& layer : text.layers()) {
    const auto i = layer.index();
    layer.stage({.norm = layer.norm("input_layernorm", facts.norm), .op = gqa(layer, "self_attn", facts.attention(i))});
    layer.stage({.norm = layer.norm("post_attention_layernorm", facts.norm),
                 .op = sparse[static_cast<std::size_t>(i)] ? moe(layer, "mlp", mixture)
                                                           : gated_mlp(layer, "mlp", {facts.activation})});
  }
}

class ExaoneDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const Facts facts(config);
    const bool is_mixture = is_of(model, "exaone_moe");
    const auto* base = is_mixture ? "ExaoneMoeModel" : "Exaone4Model";
    StackBuilder text(model, {.family = "exaone", .base_class = base, .all_modules = true}, facts.dims);
    text.embedding("embed_tokens");
    text.rotary(facts.rope);
    if (is_mixture) add_exaone_moe(text, facts, config);
    else add_exaone4(text, facts);
    text.final_norm("norm", facts.norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(ExaoneDecomposer, {.name = "exaone",
                                 .version = "1.0.0",
                                 .license = "Apache-2.0",
                                 .families = {"exaone"},
                                 .model_types = kNames.model_types});
