// GPT-Neo (transformers: modeling_gpt_neo.py, configuration_gpt_neo.py).
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// GPTNeoConfig.
StackDims read_dims(const ConfigReader& config) {
  StackDims dims;
  dims.hidden = config.dimension("hidden_size", 2048);
  dims.layers = config.dimension_of({"num_layers", "num_hidden_layers"}, 24);
  dims.heads = dims.kv_heads = config.dimension_of({"num_heads", "num_attention_heads"}, 16);
  dims.head_dim = split_into_heads(config, dims.hidden, dims.heads);
  dims.intermediate = config.dimension("intermediate_size", 4 * dims.hidden);
  dims.vocab = config.dimension("vocab_size", 50257);
  dims.max_positions = config.dimension("max_position_embeddings", 2048);
  return dims;
}

const FamilyNames kNames = {"gpt_neo", {"gpt_neo"}, {"GPTNeoForCausalLM", "GPTNeoModel"}, {}};

// expand_attention_types_params: [[["global", "local"], 12]], which is the class's default.
std::vector<std::string> expanded_types(const ConfigReader& config, std::int64_t layers) {
  std::vector<std::string> list;
  if (!config.has("attention_types")) {
    for (int i = 0; i < 12; ++i) list.insert(list.end(), {"global", "local"});
    return list;
  }
  const auto& types = config.members().at("attention_types");
  const auto refuse = [&] { config.refuse("attention_types", "a list of [names, how often]"); };
  if (!types.is_array()) refuse();
  for (const auto& item : types.get_array()) {
    if (!item.is_array() || item.get_array().size() != 2) refuse();
    const auto &names = item.get_array()[0], &times = item.get_array()[1];
    if (!names.is_array() || !times.is_int64() || times.get_int64() < 0 || times.get_int64() > layers) refuse();
    for (std::int64_t i = 0; i < times.get_int64(); ++i)
      for (const auto& name : names.get_array()) {
        if (!name.is_string()) refuse();
        list.emplace_back(name.get_string());
      }
  }
  return list;
}

// How far each layer looks back; null: to the beginning. What the config has expanded already counts.
std::vector<std::optional<std::int64_t>> read_neo_windows(const ConfigReader& config, std::int64_t layers) {
  const char* key = config.has("attention_layers") ? "attention_layers" : "attention_types";
  const auto types = config.has("attention_layers") ? config.texts("attention_layers") : expanded_types(config, layers);
  if (static_cast<std::int64_t>(types.size()) != layers)
    config.refuse(key, "one for each of " + std::to_string(layers) + " layers (num_layers)");
  const auto window = config.dimension("window_size", 256);
  std::vector<std::optional<std::int64_t>> windows;
  for (const auto& type : types) {
    if (type != "global" && type != "local") config.unsupported(key, "an attention that is neither global nor local");
    windows.push_back(type == "local" ? std::optional(window) : std::nullopt);
  }
  return windows;
}

class GptNeoDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    // GPTNeoSelfAttention has a causal mask of its own.
    if (!config.flag("is_causal", true)) config.unsupported("is_causal", "an attention that looks both ways");
    const auto dims = read_dims(config);
    const auto windows = read_neo_windows(config, dims.layers);
    const auto norm = layer_norm(config.positive("layer_norm_epsilon", 1e-5));
    const auto activation = config.text("activation_function", "gelu_new");
    StackBuilder text(model,
                      {.family = "gpt_neo",
                       .base_class = "GPTNeoModel",
                       .prefix = "transformer.",
                       .layers = "h",
                       .layers_key = std::string(config.spelling({"num_layers", "num_hidden_layers"})),
                       .token_head = "classifier",
                       .all_modules = true},
                      dims);
    text.embedding("wte");
    text.positions("wpe");
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("ln_1", norm),
                   .op = gqa(layer, "attn.attention",
                             {.o = "out_proj",
                              .o_bias = true,
                              .scale = 1.0,
                              .window = windows[static_cast<std::size_t>(layer.index())]})});
      layer.stage({.norm = layer.norm("ln_2", norm), .op = plain_mlp(layer, "mlp", {activation, "c_fc", "c_proj"})});
    }
    text.final_norm("ln_f", norm);
    text.output_head({.tied = read_tie(config, true)});
    text.ignore("h.{}.attn.attention.bias", "the causal mask, not a bias");
    text.ignore("h.{}.attn.attention.masked_bias", "the causal mask's constant");
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(GptNeoDecomposer, {.name = "gpt_neo",
                                 .version = "1.0.0",
                                 .license = "Apache-2.0",
                                 .families = {"gpt_neo"},
                                 .model_types = kNames.model_types});
