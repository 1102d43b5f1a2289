// transformers: modeling_llama4.py, configuration_llama4.py; its vision in vision.cpp.
#include "llama4.hpp"

#include <algorithm>

#include <garage/sdk/family.hpp>

#include "vision.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

constexpr StackDims kDefaults = {5120, 48, 40, 8, 128, 8192, 202048, 4096 * 32};

// What each layer is.
struct LayerKinds {
  std::vector<bool> turns;    // by a rope
  std::vector<bool> chunked;  // sees its own chunk alone
  std::vector<bool> sparse;   // its feed-forward is a mixture

  static bool at(const std::vector<bool>& list, std::int64_t layer) { return list[static_cast<std::size_t>(layer)]; }
};

// no_rope_layers: 1 where there is a rope. An empty list is as good as none.
std::vector<bool> read_turns(const ConfigReader& config, std::int64_t layers) {
  const auto given = config.indices("no_rope_layers");
  std::vector<bool> turns;
  if (given.empty()) {
    const auto interval = config.dimension("no_rope_layer_interval", 4);
    for (std::int64_t i = 0; i < layers; ++i) turns.push_back((i + 1) % interval != 0);
    return turns;
  }
  if (static_cast<std::int64_t>(given.size()) != layers)
    config.refuse("no_rope_layers", "a list with an entry a layer");
  for (const auto entry : given) turns.push_back(entry != 0);
  return turns;
}

std::vector<bool> read_sparse(const ConfigReader& config, std::int64_t layers) {
  std::vector<bool> sparse(static_cast<std::size_t>(layers), false);
  if (config.has("moe_layers")) {
    for (const auto layer : config.indices("moe_layers"))
      if (layer < layers) sparse[static_cast<std::size_t>(layer)] = true;
    return sparse;
  }
  const auto step = config.dimension("interleave_moe_layer_step", 1);
  for (std::int64_t i = step - 1; i < layers; i += step) sparse[static_cast<std::size_t>(i)] = true;
  return sparse;
}

LayerKinds read_kinds(const ConfigReader& config, std::int64_t layers) {
  LayerKinds kinds{read_turns(config, layers), {}, read_sparse(config, layers)};
  kinds.chunked = kinds.turns;
  if (!config.has("layer_types")) return kinds;
  kinds.chunked.clear();
  for (const auto& type : read_layer_types(config, layers, {"full_attention", "chunked_attention"}))
    kinds.chunked.push_back(type == "chunked_attention");
  return kinds;
}

std::int64_t read_chunk(const ConfigReader& config) {
  if (config.is_null("attention_chunk_size")) config.refuse("attention_chunk_size", "a number: layers see chunks");
  return config.dimension("attention_chunk_size", 8192);
}

// Llama4TextAttention: of layers without a rope.
std::optional<QueryScale> read_query_scale(const ConfigReader& config) {
  if (!config.flag("attn_temperature_tuning", true)) return std::nullopt;
  return QueryScale{.beta = config.positive("attn_scale", 0.1),
                    .step = config.dimension("floor_scale", 8192),
                    .first = 1,
                    .by_order = true,
                    .multiply_before_cast = true};
}

// Complex numbers in transformers: neighbours turn together, in float32.
Rope read_llama4_rope(const ConfigReader& config, const StackDims& dims) {
  auto rope = read_rope(config, dims, {.theta = 500000, .partial_rotary_factor = {}});
  rope.pairing = RopePairing::interleaved;
  rope.in_float32 = true;
  return rope;
}

const StackNames kText = {.family = "llama", .base_class = "Llama4TextModel", .all_modules = true};

// Llama4ForConditionalGeneration holds a Llama4ForCausalLM.
const StackNames kMultimodal = {.family = "llama",
                                .base_class = "Llama4Model",
                                .prefix = "language_model.model.",
                                .other_prefixes = {"model.language_model.", "language_model.", "model.", ""},
                                .heads = {"language_model.lm_head", "lm_head"},
                                .all_modules = true};

bool is_multimodal(const Model& model) {
  const auto type = model_type_of(model);
  return type == "llama4" || (type.empty() && architecture_of(model) == "Llama4ForConditionalGeneration");
}

}  // namespace

bool is_llama4(const Model& model) { return is_of(model, "llama4") || is_of(model, "llama4_text"); }

ModelSpec decompose_llama4(const Model& model) {
  const auto whole = ConfigReader::of(model);
  const bool sees = is_multimodal(model);
  const auto config = sees ? whole.section("text_config") : whole;
  auto dims = read_stack_dims(config, kDefaults);
  const auto expert_width = dims.intermediate;
  dims.intermediate = config.dimension("intermediate_size_mlp", 16384);
  const auto activation = config.text("hidden_act", "silu");
  const auto eps = config.positive("rms_norm_eps", 1e-5);
  const auto norm = rms(eps);
  const bool bias = config.flag("attention_bias", false), norms_heads = config.flag("use_qk_norm", true);
  const auto kinds = read_kinds(config, dims.layers);
  const auto query_scale = read_query_scale(config);
  const bool any_chunks = std::find(kinds.chunked.begin(), kinds.chunked.end(), true) != kinds.chunked.end();
  const auto chunk = any_chunks ? std::optional(read_chunk(config)) : std::nullopt;
  const MoeOptions mixture{.activation = activation,
                           .experts = config.dimension("num_local_experts", 16),
                           .top_k = config.dimension("num_experts_per_tok", 1),
                           .width = expert_width,
                           .routing = sigmoid_routing(),
                           .shared_width = expert_width,
                           .shared_gate = false,
                           .weighs_input = true,
                           .stacked_in_first = true,
                           .router = "router"};
  StackBuilder text(model, sees ? kMultimodal : kText, dims);
  text.embedding("embed_tokens");
  const auto rope = text.rotary(read_llama4_rope(config, dims));
  for (auto& layer : text.layers()) {
    GqaOptions attention{.bias = bias, .o_bias = bias};
    if (LayerKinds::at(kinds.turns, layer.index())) {
      attention.rope = rope;
      if (norms_heads) attention.qk_norm = QkNorm{.style = rms(eps), .after_position = true, .has_weight = false};
    } else {
      attention.query_scale = query_scale;
    }
    if (LayerKinds::at(kinds.chunked, layer.index())) attention.chunk = chunk;
    layer.stage({.norm = layer.norm("input_layernorm", norm), .op = gqa(layer, "self_attn", attention)});
    layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                 .op = LayerKinds::at(kinds.sparse, layer.index()) ? moe(layer, "feed_forward", mixture)
                                                                   : gated_mlp(layer, "feed_forward", {activation})});
  }
  text.final_norm("norm", norm);
  text.output_head({.tied = read_tie(config, false)});
  if (sees) add_llama4_vision(text, whole.section("vision_config"));
  return text.finish();
}
