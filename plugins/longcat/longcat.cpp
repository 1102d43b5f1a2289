// LongCat Flash (transformers: modeling_longcat_flash.py, configuration_longcat_flash.py). A layer has two attentions
// and two feed-forwards, one after another, and a mixture beside the second half: it reads what the first feed-forward
// reads, and is added at the end.
#include <cmath>

#include <fmt/format.h>

#include <garage/sdk/family.hpp>
#include <garage/sdk/latent_config.hpp>

#include "mixture.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// LongcatFlashConfig; layers are num_layers, whatever num_hidden_layers says.
constexpr StackDims kDefaults = {6144, 28, 64, 0, 0, 12288, 131072, 131072};
constexpr LatentDims kLatent = {.q_rank = 1536, .kv_rank = 512, .nope_dim = 128, .rope_dim = 64, .v_dim = 128};

const FamilyNames kNames = {"longcat", {"longcat_flash"}, {"LongcatFlashForCausalLM", "LongcatFlashModel"}, {}};

StackDims read_longcat_dims(const ConfigReader& config) {
  auto members = config.members();
  members["num_hidden_layers"] = config.dimension("num_layers", kDefaults.layers);
  members["intermediate_size"] = config.dimension("ffn_hidden_size", kDefaults.intermediate);
  return read_latent_stack(ConfigReader(members, config.path()), kDefaults);
}

// The rope's table is as wide as head_dim says.
LatentDims read_longcat_latent(const ConfigReader& config) {
  const auto latent = read_latent_dims(config, kLatent);
  if (!latent.q_rank) config.refuse("q_lora_rank", "a number: the class scales queries by it");
  if (config.dimension("head_dim", 64) != latent.rope_dim)
    config.refuse("head_dim", fmt::format("what qk_rope_head_dim is, {}", latent.rope_dim));
  check_qk_head_dim(config, latent);
  return latent;
}

// LongcatFlashMLA: queries and the latent are as large as if they came from all of the hidden size.
LatentOptions read_attention(const ConfigReader& config, const StackDims& dims) {
  const auto latent = read_longcat_latent(config);
  const auto larger = [&](std::int64_t rank) {
    return std::sqrt(static_cast<double>(dims.hidden) / static_cast<double>(rank));
  };
  return {.dims = latent,
          .norm = rms(1e-6),  // whatever the config says
          .bias = config.flag("attention_bias", false),
          .rope = read_latent_rope(config, latent, dims, {.theta = 1e7, .partial_rotary_factor = {}}),
          .scale = read_latent_scale(config, latent) * larger(*latent.q_rank),
          .latent_scale = larger(latent.kv_rank)};
}

// The two halves of LongcatFlashDecoderLayer. Parts of the second are second_attention_<i> and the like; the
// feed-forwards, beside which the mixture is ffn_<i>, are mlp_<i> and second_mlp_<i>.
struct Halves {
  const NormStyle& norm;
  const LatentOptions& attention;
  const std::string& activation;
  bool causal;

  // Adds norm, attention, norm and feed-forward, in the order in which they run.
  void add(LayerBuilder& layer, Custom& own, const std::string& before, const std::string& place) const {
    const auto add_norm = [&](const std::string& list) {
      own.parts.emplace_back(layer.norm(before + list, list + "." + place, norm).name);
    };
    add_norm("input_layernorm");
    own.parts.emplace_back(add_attention(layer, before + "attention", "self_attn." + place).name);
    add_norm("post_attention_layernorm");
    own.parts.emplace_back(add_mlp(layer, before + "mlp", "mlps." + place).name);
  }

 private:
  Part add_attention(LayerBuilder& layer, const std::string& stem, const std::string& module) const {
    auto made = latent_blueprint(layer, module, attention);
    made.mask.causal = causal;
    const auto heads = made.heads, head_dim = made.qk_dim;
    auto part = layer.part(stem, part_type::kAttention, module, std::nullopt, std::move(made));
    auto& spec = layer.spec_of(part);
    spec.num_heads = heads;
    spec.head_dim = head_dim;
    spec.extra_info["num_kv_heads"] = heads;
    return part;
  }

  Part add_mlp(LayerBuilder& layer, const std::string& stem, const std::string& module) const {
    const auto tensors = layer.tensors().of(module);
    const auto hidden = layer.dims().hidden, width = layer.dims().intermediate;
    auto part = layer.part(stem, part_type::kFfn, module, width,
                           FeedForward{.activation = activation,
                                       .gate = tensors.linear("gate_proj", hidden, width, false),
                                       .up = tensors.linear("up_proj", hidden, width, false),
                                       .down = tensors.linear("down_proj", width, hidden, false)});
    layer.spec_of(part).extra_info["activation"] = activation;
    return part;
  }
};

class LongcatDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_longcat_dims(config);
    const auto norm = rms(config.positive("rms_norm_eps", 1e-5));
    const auto experts = read_longcat_experts(config);
    auto attention = read_attention(config, dims);
    StackBuilder text(model, names(), dims);
    text.embedding("embed_tokens");
    attention.rope = text.rotary(attention.rope);
    const Halves halves{norm, attention, experts.activation, config.flag("is_causal", true)};
    for (auto& layer : text.layers()) {
      Custom own{.builder = "layer"};
      halves.add(layer, own, "", "0");
      own.parts.emplace_back(longcat_mixture(layer, "mlp", experts).name);
      halves.add(layer, own, "second_", "1");
      layer.own_code(std::move(own), dims.hidden);
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    ignore_identity_experts(text, experts);
    return text.finish();
  }

 private:
  static StackNames names() {
    return {.family = "longcat", .base_class = "LongcatFlashModel", .layers_key = "num_layers", .all_modules = true};
  }
};

}  // namespace

GARAGE_PLUGIN(LongcatDecomposer, {.name = "longcat",
                                  .version = "1.0.0",
                                  .license = "Apache-2.0",
                                  .families = {"longcat"},
                                  .model_types = kNames.model_types});
