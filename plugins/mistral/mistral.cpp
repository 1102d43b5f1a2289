// Mistral, Mixtral and Ministral (transformers: modeling_mistral.py, modeling_mixtral.py, modeling_ministral.py,
// modeling_ministral3.py and their configurations), Mistral 4 (mistral4.cpp), and Mistral 3, which is one of them and a
// vision tower (modeling_mistral3.py).
#include <garage/sdk/family.hpp>

#include "mistral4.hpp"
#include "query_scale.hpp"
#include "vision.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// How the classes differ; their config classes' defaults.
struct Variant {
  const char* model_type;
  const char* base_class;
  StackDims defaults;
  double eps, theta;
  std::optional<std::int64_t> window;
  bool reads_layer_types;  // with them AutoConfig makes a Ministral of a Mistral
  bool is_mixture;
  bool scales_queries;
};

constexpr Variant kVariants[] = {
    {"mistral", "MistralModel", {4096, 32, 32, 8, 0, 14336, 32000, 4096 * 32}, 1e-6, 1e4, 4096, true, false, false},
    {"mixtral", "MixtralModel", {4096, 32, 32, 8, 0, 14336, 32000, 4096 * 32}, 1e-5, 1e6, {}, false, true, false},
    {"ministral", "MinistralModel", {4096, 32, 32, 8, 0, 14336, 32000, 4096 * 32}, 1e-6, 1e4, 4096, true, false, false},
    {"ministral3", "Ministral3Model", {4096, 34, 32, 8, 128, 14336, 131072, 262144}, 1e-5, 1e4, {}, false, false, true},
};

// Mistral3Config: the text model's config says which it is.
const Variant& variant_within(const ConfigReader& text) {
  const auto type = text.text("model_type", "mistral");
  for (const auto& variant : kVariants)
    if (type == variant.model_type) return variant;
  text.unsupported("model_type", "another text model than Mistral's");
}

const Variant& variant_of(const Model& model) {
  for (const auto& variant : kVariants)
    if (is_of(model, variant.model_type)) return variant;
  return kVariants[0];
}

struct Positions {
  Rope rope;
  std::optional<QueryScale> query_scale = {};
};

Positions read_positions(const ConfigReader& config, const StackDims& dims, const Variant& variant) {
  const RopeDefaults defaults{.theta = variant.theta, .partial_rotary_factor = {}};
  if (!variant.scales_queries) return {read_rope(config, dims, defaults)};
  const auto given = rope_section(config);
  if (given.members().empty())  // Ministral3Config
    return {default_yarn(1e6, dims.head_dim, 16, 16384), QueryScale{.beta = 0.1, .step = 16384}};
  Positions read{read_rope(config, dims, defaults)};
  read.query_scale = read_query_scale(given, read.rope);
  return read;
}

const FamilyNames kNames = {
    "mistral",
    {"mistral", "mixtral", "ministral", "ministral3", "mistral3", "mistral4"},
    {"MistralForCausalLM", "MistralModel", "MixtralForCausalLM", "MixtralModel", "MinistralForCausalLM",
     "MinistralModel", "Ministral3ForCausalLM", "Ministral3Model", "Mistral3ForConditionalGeneration", "Mistral3Model",
     "Mistral4ForCausalLM", "Mistral4Model"},
    // Mixtral's; Mistral's own names are Llama's.
    {{{"block_sparse_moe.gate.weight", "block_sparse_moe.experts.0.w1.weight", "self_attn.q_proj.weight",
       "input_layernorm.weight"},
      {"input_layernorm.bias", "self_attn.q_norm.weight"}}}};

class MistralDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto whole = ConfigReader::of(model);
    const bool sees = is_of(model, "mistral3");
    const auto config = sees ? whole.section("text_config") : whole;
    if (is_of(model, "mistral4") || (sees && config.text("model_type", "mistral") == "mistral4"))
      return decompose_mistral4(model, whole, config, sees);
    const auto& variant = sees ? variant_within(config) : variant_of(model);
    const auto dims = read_stack_dims(config, variant.defaults);
    const auto activation = config.text("hidden_act", "silu");
    const auto norm = rms(config.positive("rms_norm_eps", variant.eps));
    const auto [rope, query_scale] = read_positions(config, dims, variant);
    const auto windows =
        read_windows(config, dims.layers, {.window = variant.window, .reads_layer_types = variant.reads_layer_types});
    MoeOptions mixture{.activation = activation, .width = dims.intermediate, .routing = softmax_routing(true)};
    if (variant.is_mixture) {
      mixture.experts = config.dimension(config.spelling({"num_local_experts", "num_experts"}), 8);
      mixture.top_k = config.dimension("num_experts_per_tok", 2);
    }
    const StackNames own{.family = "mistral", .base_class = variant.base_class, .all_modules = true};
    StackBuilder text(model, sees ? mistral3_names() : own, dims);
    text.embedding("embed_tokens");
    text.rotary(rope);
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm),
                   .op = gqa(layer, "self_attn",
                             {.rope = rope, .query_scale = query_scale, .window = windows.at(layer.index())})});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                   .op = variant.is_mixture ? moe(layer, "mlp", mixture) : gated_mlp(layer, "mlp", {activation})});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(whole, /*otherwise=*/sees)});
    if (sees) add_pixtral(text, whole);
    auto spec = text.finish();
    if (windows.window) spec.extra_info["sliding_window"] = *windows.window;
    return spec;
  }

 private:
  static ModelSpec decompose_mistral4(const Model& model, const ConfigReader& whole, const ConfigReader& config,
                                      bool sees) {
    const StackNames own{.family = "mistral", .base_class = "Mistral4Model", .all_modules = true};
    StackBuilder text(model, sees ? mistral3_names() : own, read_mistral4_dims(config));
    add_mistral4(text, config, read_tie(whole, /*otherwise=*/sees));
    if (sees) add_pixtral(text, whole);
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(MistralDecomposer, {.name = "mistral",
                                  .version = "1.0.0",
                                  .license = "Apache-2.0",
                                  .families = {"mistral"},
                                  .model_types = kNames.model_types});
