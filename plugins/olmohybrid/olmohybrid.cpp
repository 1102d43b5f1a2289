// OLMo hybrid (transformers: modeling_olmo_hybrid.py, configuration_olmo_hybrid.py): gated delta nets, whose layers
// norm before, and now and then an attention, whose layers norm behind.
#include <fmt/format.h>

#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// OlmoHybridConfig.
constexpr StackDims kDefaults = {
    .hidden = 3840, .layers = 32, .heads = 30, .intermediate = 11008, .vocab = 100352, .max_positions = 65536};

const FamilyNames kNames = {"olmohybrid", {"olmo_hybrid"}, {"OlmoHybridForCausalLM", "OlmoHybridModel"}, {}};

// Which layers attend. OlmoHybridConfig.__post_init__: every fourth, and the last of fewer.
std::vector<bool> read_attending(const ConfigReader& config, std::int64_t layers) {
  std::vector<bool> attends;
  if (config.has("layer_types")) {
    for (const auto& type : read_layer_types(config, layers, {"full_attention", "linear_attention"}))
      attends.push_back(type == "full_attention");
    return attends;
  }
  for (std::int64_t i = 0; i < layers; ++i) attends.push_back(i % 4 == 3);
  if (layers < 4) attends.back() = true;
  return attends;
}

// What files call norms: the class's names, or those of conversion_mapping.py, which transformers 5 writes in layers of
// both kinds, and which were published in those of delta nets alone.
class NormNames {
 public:
  NormNames(const Tensors& tensors, const std::vector<bool>& attends) {
    for (std::size_t i = 0; i < attends.size(); ++i)
      for (const auto* name : {"attention_layer_norm", "feedforward_layer_norm"})
        if (tensors.has(fmt::format("layers.{}.{}.weight", i, name))) (attends[i] ? full_ : linear_) = true;
  }

  Part norm(LayerBuilder& layer, bool attends, const char* module, const char* in_file, const NormStyle& style) const {
    return layer.norm(module, (attends ? full_ : linear_) ? in_file : module, style);
  }

 private:
  bool linear_ = false, full_ = false;  // the kinds of layers whose norms are renamed
};

DeltaNetOptions read_delta_net(const ConfigReader& config, const StackDims& dims) {
  DeltaNetOptions net{.key_heads = config.dimension("linear_num_key_heads", dims.heads),
                      .value_heads = config.dimension("linear_num_value_heads", dims.heads)};
  net.key_dim = config.dimension("linear_key_head_dim", 3 * dims.hidden / (4 * net.key_heads));
  net.value_dim = config.dimension("linear_value_head_dim", 2 * net.key_dim);
  net.kernel = config.dimension("linear_conv_kernel_dim", 4);
  net.norm = rms(1e-5);  // whatever the config says
  net.rows = DeltaNetRows::by_themselves;
  if (config.flag("linear_allow_neg_eigval", true)) net.beta_scale = 2;
  net.norm_module = "o_norm";
  net.o = "o_proj";
  return net;
}

// OlmoHybridModel: no theta, no rope.
std::optional<Rope> read_hybrid_rope(const ConfigReader& config, const StackDims& dims) {
  const auto given = config.maybe_object("rope_parameters");
  const bool says_theta = given && given->has("rope_theta");
  if (!says_theta && (config.is_null("rope_theta") || (given && given->is_null("rope_theta")))) return std::nullopt;
  auto rope = read_rope(config, dims, kWholeHeads);
  rope.in_float32 = true;
  return rope;
}

class OlmoHybridDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms_before_cast(config.positive("rms_norm_eps", 1e-6));
    const auto attends = read_attending(config, dims.layers);
    const auto net = read_delta_net(config, dims);
    const GatedMlpOptions mlp{.activation = config.text("hidden_act", "silu")};
    StackBuilder text(model, {.family = "olmohybrid", .base_class = "OlmoHybridModel", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    GqaOptions attention{.qk_norm = QkNorm{.style = norm, .over_all_heads = true}};
    attention.bias = attention.o_bias = config.flag("attention_bias", false);
    if (const auto rope = read_hybrid_rope(config, dims)) attention.rope = text.rotary(*rope);
    const NormNames names(text.tensors(), attends);
    for (auto& layer : text.layers()) {
      if (attends[static_cast<std::size_t>(layer.index())]) {
        layer.stage({.op = gqa(layer, "self_attn", attention),
                     .post_norm = names.norm(layer, true, "post_attention_layernorm", "feedforward_layer_norm", norm)});
        layer.stage({.op = gated_mlp(layer, "mlp", mlp), .post_norm = layer.norm("post_feedforward_layernorm", norm)});
      } else {
        layer.stage({.norm = names.norm(layer, false, "input_layernorm", "attention_layer_norm", norm),
                     .op = gated_delta_net(layer, "linear_attn", net)});
        layer.stage({.norm = names.norm(layer, false, "post_attention_layernorm", "feedforward_layer_norm", norm),
                     .op = gated_mlp(layer, "mlp", mlp)});
      }
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(OlmoHybridDecomposer, {.name = "olmohybrid",
                                     .version = "1.0.0",
                                     .license = "Apache-2.0",
                                     .families = {"olmohybrid"},
                                     .model_types = kNames.model_types});
