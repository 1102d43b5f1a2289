// transformers: modeling_gemma4.py, modeling_gemma4_unified.py and their configurations.
#include "gemma4.hpp"

#include <cmath>

#include "gemma4_towers.hpp"
#include "per_layer_inputs.hpp"
#include "shared_keys.hpp"
#include "text_models.hpp"

using namespace garage;
using namespace garage::sdk;

namespace {

// Gemma4TextConfig, Gemma4UnifiedTextConfig.
constexpr StackDims kText = {2304, 30, 8, 4, 256, 9216, 262144, 131072};
constexpr StackDims kUnified = {2304, 30, 8, 4, 256, 9216, 262144, 262144};

// "vision" is of pictures' tokens alone, which text has none of.
bool halves_windows(const ConfigReader& config, bool is_unified) {
  const auto said = config.text("use_bidirectional_attention", is_unified ? "vision" : "");
  if (said != "" && said != "vision" && said != "all")
    config.refuse("use_bidirectional_attention", "all, vision or null");
  return said == "all";
}

// Gemma4TextConfig's use_bidirectional_attention sets is_causal, which it also saves.
bool looks_both_ways(const ConfigReader& config, bool is_unified) {
  return halves_windows(config, is_unified) || !config.flag("is_causal", true);
}

// The last layer sees all, whatever the config says.
LayerWindows windows_of(const ConfigReader& config, std::int64_t layers, bool is_unified) {
  if (config.is_null("sliding_window")) config.refuse("sliding_window", "a number of positions");
  auto windows = read_windows(
      config, layers, {.window = is_unified ? 1024 : 512, .slides = [](std::int64_t i) { return (i + 1) % 6 != 0; }});
  windows.slides.back() = false;
  if (halves_windows(config, is_unified)) {
    windows.window = *windows.window / 2 + 1;
    // create_bidirectional_sliding_window_mask takes in the position at its end; of is_causal the layers see to that.
    if (config.flag("is_causal", true)) ++*windows.window;
  }
  return windows;
}

class Gemma4 {
 public:
  Gemma4(const ConfigReader& config, bool is_unified)
      : config_(config),
        dims_(read_stack_dims(config, is_unified ? kUnified : kText)),
        eps_(config.positive("rms_norm_eps", 1e-6)),
        activation_(config.text("hidden_activation", "gelu_pytorch_tanh")),
        both_ways_(looks_both_ways(config, is_unified)),
        windows_(windows_of(config, dims_.layers, is_unified)),
        shared_(config, windows_, 0),
        head_{.tied = read_tie(config, true),
              .tied_when_absent = true,
              .softcap = read_cap(config, "final_logit_softcapping", std::nullopt)} {
    if (!is_unified) inputs_ = read_per_layer_dims(config, eps_);
    widens_shared_ = config.flag("use_double_wide_mlp", false);
    local_ = read_heads(/*slides=*/true);
    global_ = read_heads(/*slides=*/false);
    if (!is_unified && config.flag("enable_moe_block", false)) mixture_ = read_mixture();
  }

  const StackDims& dims() const { return dims_; }
  HeadOptions& head() { return head_; }

  void add_to(StackBuilder& text) const {
    text.embedding("embed_tokens", {.scale = std::sqrt(static_cast<double>(dims_.hidden))});
    text.rotary(*global_.rope);
    text.rotary(*local_.rope, {.name = "rotary_emb_local"});
    if (inputs_.size > 0) add_per_layer_inputs(text, inputs_);
    for (auto& layer : text.layers()) add_layer(layer);
    text.final_norm("norm", norm());
    text.output_head(head_);
    shared_.leave_out(text);
  }

 private:
  NormStyle norm() const { return rms_before_cast(eps_); }

  // Of layers that see a window, or of those that see all.
  GqaOptions read_heads(bool slides) const {
    const bool bias = config_.flag("attention_bias", false);
    GqaOptions heads{.bias = bias, .o_bias = bias, .qk_norm = QkNorm{norm()}, .scale = 1};
    heads.causal = !both_ways_;
    heads.v_norm = norm();
    heads.head_dim = dims_.head_dim;
    if (!slides) {
      heads.head_dim = config_.count("global_head_dim", 512);
      if (heads.head_dim == 0) heads.head_dim = dims_.head_dim;
      heads.values_are_keys = config_.flag("attention_k_eq_v", false);
      if (heads.values_are_keys) heads.kv_heads = config_.dimension("num_global_key_value_heads");
    } else {
      heads.window = windows_.window;
    }
    heads.rope = read_rope_of(slides, heads.head_dim);
    return heads;
  }

  Rope read_rope_of(bool slides, std::int64_t head_dim) const {
    const auto* type = slides ? "sliding_attention" : "full_attention";
    constexpr auto kShare = "partial_rotary_factor";
    if (config_.has(kShare)) config_.unsupported(kShare, "a share beside rope_parameters");
    const auto parameters = config_.maybe_object("rope_parameters");
    if (!parameters) {
      Rope rope{.theta = slides ? 1e4 : 1e6, .dims = head_dim};
      if (!slides) {  // a quarter of a head
        rope.scaling.kind = RopeScalingKind::proportional;
        rope.scaling.turning_pairs = head_dim / 8;
      }
      return rope;
    }
    if (!parameters->has(type)) parameters->refuse(type, "an object: each kind of layer has a rope of its own");
    const auto own = parameters->section(type);
    // Other kinds turn by a table that is as wide as head_dim says, whatever heads a layer has.
    const bool is_proportional = own.text(own.spelling({"rope_type", "type"}), "default") == "proportional";
    if (!is_proportional && head_dim != dims_.head_dim)
      own.unsupported("rope_type", "heads that are not as wide as head_dim says, but with a proportional rope,");
    return read_rope(
        config_, head_dim, dims_.max_positions,
        {.theta = slides ? 1e4 : 1e6, .partial_rotary_factor = {}, .layer_type = type, .knows_proportional = true});
  }

  MoeOptions read_mixture() const {
    MoeOptions mixture{.activation = activation_,
                       .experts = config_.dimension("num_experts"),
                       .top_k = config_.dimension("top_k_experts"),
                       .width = config_.dimension("moe_intermediate_size"),
                       .routing = softmax_routing(true)};
    mixture.routing.keeps_dtype = true;
    mixture.router = "router";
    mixture.router_projection = "proj";
    mixture.router_scale = 1 / std::sqrt(static_cast<double>(dims_.hidden));
    mixture.expert_scale = "router.per_expert_scale";
    mixture.part = "moe";
    return mixture;
  }

  void add_layer(LayerBuilder& layer) const {
    const auto i = layer.index();
    auto attention = windows_.slides_at(i) ? local_ : global_;
    attention.keys_of = shared_.source_of(i);
    attention.is_source = shared_.is_source(i);
    layer.stage({.norm = layer.norm("input_layernorm", norm()),
                 .op = gqa(layer, "self_attn", attention),
                 .post_norm = layer.norm("post_attention_layernorm", norm())});
    layer.stage(feed_forward(layer));
    if (inputs_.size > 0)
      layer.stage({.op = per_layer_input(layer, inputs_, activation_),
                   .post_norm = layer.norm("post_per_layer_input_norm", norm())});
    layer.scale("layer_scalar");
  }

  Stage feed_forward(LayerBuilder& layer) const {
    const auto width = dims_.intermediate * (widens_shared_ && shared_.is_shared(layer.index()) ? 2 : 1);
    Branch dense{.norm = layer.norm("pre_feedforward_layernorm", norm()),
                 .op = gated_mlp(layer, "mlp", {.activation = activation_, .width = width})};
    const auto behind = layer.norm("post_feedforward_layernorm", norm());
    if (!mixture_) {
      dense.post_norm = behind;
      return {.branches = {dense}};
    }
    dense.post_norm = layer.norm("post_feedforward_layernorm_1", norm());
    return {.branches = {dense, experts(layer)}, .sum_norm = behind};
  }

  // They are chosen by the stream itself, which the router norms in its own way.
  Branch experts(LayerBuilder& layer) const {
    auto mixture = *mixture_;
    mixture.norm = layer.norm("pre_feedforward_layernorm_2", norm());
    mixture.router_norm = Norm{
        .kind = NormKind::rms, .size = dims_.hidden, .eps = eps_, .weight = layer.tensors().tensor("router.scale")};
    return {.op = moe(layer, "", mixture), .post_norm = layer.norm("post_feedforward_layernorm_2", norm())};
  }

  const ConfigReader& config_;
  StackDims dims_;
  double eps_;
  std::string activation_;
  bool both_ways_;
  LayerWindows windows_;
  SharedKeys shared_;
  HeadOptions head_;
  PerLayerDims inputs_;
  bool widens_shared_ = false;
  GqaOptions local_, global_;
  std::optional<MoeOptions> mixture_;
};

}  // namespace

ModelSpec decompose_gemma4(const Model& model, const ConfigReader& config) {
  const bool is_unified = is_of(model, "gemma4_unified_text");
  const Gemma4 gemma(config, is_unified);
  const auto* base = is_unified ? "Gemma4UnifiedTextModel" : "Gemma4TextModel";
  StackBuilder text(model, {.family = "gemma", .base_class = base, .all_modules = true}, gemma.dims());
  gemma.add_to(text);
  return text.finish();
}

// Gemma4Model puts a pad in the place of each picture's or sound's token; text has none.
ModelSpec decompose_gemma4_with_pictures(const Model& model, const ConfigReader& config) {
  const auto of_text = config.section("text_config");
  Gemma4 gemma(of_text, /*is_unified=*/false);
  for (const auto* reader : {&config, &of_text}) {
    if (!reader->flag("is_causal", true)) reader->unsupported("is_causal", "attention both ways beside pictures");
    if (halves_windows(*reader, /*is_unified=*/false))
      reader->unsupported("use_bidirectional_attention", "attention both ways beside pictures");
  }
  gemma.head().tied = read_tie(config, true);
  StackBuilder text(model,
                    {.family = "gemma",
                     .base_class = "Gemma4Model",
                     .prefix = "model.language_model.",
                     .other_prefixes = {"language_model.model.", "language_model.", "model.", ""},
                     .heads = {"lm_head", "language_model.lm_head"},
                     .all_modules = true},
                    gemma.dims());
  gemma.add_to(text);
  if (const auto vision = config.maybe_object("vision_config")) add_gemma4_vision(text, *vision);
  if (const auto audio = config.maybe_object("audio_config")) add_gemma4_audio(text, *audio);
  return text.finish();
}
