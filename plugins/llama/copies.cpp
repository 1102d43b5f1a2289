// transformers: modeling_smollm3.py, modeling_seed_oss.py, modeling_arcee.py, modeling_cwm.py and their configurations.
#include "copies.hpp"

#include <algorithm>
#include <iterator>

namespace {

using namespace garage;
using namespace garage::sdk;

// What a class has where Llama's has the same, or nothing.
struct Facts {
  StackDims dims;
  NormStyle norm;
  std::string activation;
  bool is_gated = true, mlp_bias = false, is_tied = false;
  bool bias = false, o_bias = false;  // of q, k and v; of o
  Rope rope;
  std::vector<bool> turns;  // which layers the rope turns; empty: all
  LayerWindows windows;

  Facts(const ConfigReader& config, const StackDims& defaults, double eps)
      : dims(read_stack_dims(config, defaults)),
        norm(rms(config.positive("rms_norm_eps", eps))),
        activation(config.text("hidden_act", "silu")),
        mlp_bias(config.flag("mlp_bias", false)),
        is_tied(read_tie(config, false)) {}

  bool turns_at(std::int64_t layer) const { return turns.empty() || turns[static_cast<std::size_t>(layer)]; }
  std::optional<std::int64_t> window_at(std::int64_t layer) const {
    return windows.slides.empty() ? std::nullopt : windows.at(layer);
  }
};

// no_rope_layers: 1 where there is a rope; it may be longer than the model.
std::vector<bool> read_turns(const ConfigReader& config, std::int64_t layers) {
  std::vector<bool> turns;
  if (!config.has("no_rope_layers")) {
    const auto interval = config.dimension("no_rope_layer_interval", 4);
    for (std::int64_t i = 0; i < layers; ++i) turns.push_back((i + 1) % interval != 0);
    return turns;
  }
  for (const auto entry : config.indices("no_rope_layers")) turns.push_back(entry != 0);
  if (static_cast<std::int64_t>(turns.size()) < layers) config.refuse("no_rope_layers", "a list with an entry a layer");
  return turns;
}

// The masks go by layer_types alone, FlashAttention by use_sliding_window, too.
LayerWindows read_smollm3_windows(const ConfigReader& config, const Facts& facts) {
  const auto& turns = facts.turns;
  const auto slides = [&](std::int64_t layer) { return !turns[static_cast<std::size_t>(layer)]; };
  auto windows = read_windows(config, facts.dims.layers, {.slides = slides, .asks_use = true});
  const bool any = std::find(windows.slides.begin(), windows.slides.end(), true) != windows.slides.end();
  if (windows.window || !any || !config.has("layer_types")) return windows;
  if (!config.has("sliding_window"))
    config.refuse("sliding_window", "a whole number: layer_types has layers that see a window");
  config.unsupported("use_sliding_window",
                     "what depends on how attention is computed, layers that see a window all the same,");
}

Facts read_smollm3(const ConfigReader& config) {
  Facts facts(config, {2048, 36, 16, 4, 0, 11008, 128256, 32768}, 1e-6);
  facts.bias = facts.o_bias = config.flag("attention_bias", false);
  facts.rope = read_rope(config, facts.dims, {.theta = 2e6, .partial_rotary_factor = {}});
  facts.turns = read_turns(config, facts.dims.layers);
  facts.windows = read_smollm3_windows(config, facts);
  facts.is_tied = read_tie(config, true);
  return facts;
}

Facts read_seed_oss(const ConfigReader& config) {
  Facts facts(config, {4096, 64, 80, 8, 128, 27648, 155136, 524288}, 1e-6);
  facts.bias = config.flag("attention_bias", true);
  facts.o_bias = config.flag("attention_out_bias", false);
  facts.rope = read_rope(config, facts.dims, kWholeHeads);
  return facts;
}

Facts read_arcee(const ConfigReader& config) {
  Facts facts(config, {2560, 32, 32, 0, 0, 18432, 32000, 4096}, 1e-5);
  facts.bias = facts.o_bias = config.flag("attention_bias", false);
  facts.rope = read_rope(config, facts.dims, kWholeHeads);
  facts.is_gated = false;
  facts.activation = config.text("hidden_act", "relu2");
  return facts;
}

// CwmConfig.__post_init__: without a rope there is this one; an empty rope_parameters is the plain one.
Rope read_cwm_rope(const ConfigReader& config, const StackDims& dims) {
  const RopeDefaults defaults{.theta = 1e6, .partial_rotary_factor = {}};
  const auto scaling = config.maybe_object("rope_scaling");
  if (config.has("rope_parameters") || (scaling && !scaling->members().empty()))
    return read_rope(config, dims, defaults);
  auto members = config.members();
  members["rope_parameters"] = {{"rope_type", "llama3"},   {"rope_theta", 1e6},
                                {"factor", 16.0},          {"low_freq_factor", 1.0},
                                {"high_freq_factor", 4.0}, {"original_max_position_embeddings", 8192}};
  return read_rope(ConfigReader(members, config.path()), dims, defaults);
}

// CwmModel makes a mask of the window for every model, and fails where there is none.
LayerWindows read_cwm_windows(const ConfigReader& config, const StackDims& dims) {
  if (config.is_null("sliding_window"))
    config.refuse("sliding_window", "a whole number: the class always has a window");
  const auto all_but_every_fourth = [](std::int64_t layer) { return layer % 4 != 0; };
  return read_windows(config, dims.layers, {.window = 8192, .slides = all_but_every_fourth});
}

Facts read_cwm(const ConfigReader& config) {
  Facts facts(config, {6144, 64, 48, 8, 128, 21504, 128256, 131072}, 1e-5);
  facts.rope = read_cwm_rope(config, facts.dims);
  facts.windows = read_cwm_windows(config, facts.dims);
  return facts;
}

struct Copy {
  const char* model_type;
  const char* base_class;
  Facts (*read)(const ConfigReader& config);
};

constexpr Copy kCopies[] = {
    {"smollm3", "SmolLM3Model", &read_smollm3},
    {"seed_oss", "SeedOssModel", &read_seed_oss},
    {"arcee", "ArceeModel", &read_arcee},
    {"cwm", "CwmModel", &read_cwm},
};

// Null: none of them.
const Copy* copy_of(const Model& model) {
  const auto is_it = [&](const Copy& copy) { return is_of(model, copy.model_type); };
  const auto* found = std::find_if(std::begin(kCopies), std::end(kCopies), is_it);
  return found == std::end(kCopies) ? nullptr : found;
}

Part feed_forward(LayerBuilder& layer, const Facts& facts) {
  if (facts.is_gated) return gated_mlp(layer, "mlp", {.activation = facts.activation, .bias = facts.mlp_bias});
  return plain_mlp(layer, "mlp", {facts.activation, "up_proj", "down_proj", facts.mlp_bias});
}

}  // namespace

bool is_llama_copy(const Model& model) { return copy_of(model) != nullptr; }

ModelSpec decompose_llama_copy(const Model& model) {
  const auto& copy = *copy_of(model);
  const auto facts = copy.read(ConfigReader::of(model));
  StackBuilder text(model, {.family = "llama", .base_class = copy.base_class, .all_modules = true}, facts.dims);
  text.embedding("embed_tokens");
  text.rotary(facts.rope);
  for (auto& layer : text.layers()) {
    GqaOptions attention{.bias = facts.bias, .o_bias = facts.o_bias, .window = facts.window_at(layer.index())};
    if (facts.turns_at(layer.index())) attention.rope = facts.rope;
    layer.stage({.norm = layer.norm("input_layernorm", facts.norm), .op = gqa(layer, "self_attn", attention)});
    layer.stage({.norm = layer.norm("post_attention_layernorm", facts.norm), .op = feed_forward(layer, facts)});
  }
  text.final_norm("norm", facts.norm);
  text.output_head({.tied = facts.is_tied});
  return text.finish();
}
