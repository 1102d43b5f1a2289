// MiniMax 01, whose layers have lightning attention or softmax attention (transformers: modeling_minimax.py,
// configuration_minimax.py); M2 in minimax_m2.cpp.
#include <garage/sdk/family.hpp>

#include "lightning_attention.hpp"
#include "minimax_m2.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// MiniMaxConfig.
constexpr StackDims kDefaults = {4096, 32, 32, 8, 0, 14336, 32000, 4096 * 32};

const FamilyNames kNames = {"minimax",
                            {"minimax", "minimax_m2"},
                            {"MiniMaxForCausalLM", "MiniMaxModel", "MiniMaxM2ForCausalLM", "MiniMaxM2Model"},
                            {}};

// What is kept of the stream, and how much an op adds to it.
struct Share {
  double keep, scale;
};

Share read_share(const ConfigReader& config, const std::string& of) {
  return {config.maybe_number(of + "_alpha_factor").value_or(1), config.maybe_number(of + "_beta_factor").value_or(1)};
}

std::vector<bool> read_lightning_layers(const ConfigReader& config, std::int64_t layers) {
  std::vector<bool> lightning;
  if (!config.has("layer_types")) {
    for (std::int64_t i = 0; i < layers; ++i) lightning.push_back(i % 2 == 1);
    return lightning;
  }
  for (const auto& type : read_layer_types(config, layers, {"full_attention", "linear_attention"}))
    lightning.push_back(type == "linear_attention");
  return lightning;
}

MoeOptions read_mixture(const ConfigReader& config, const StackDims& dims, const std::string& activation) {
  return {.activation = activation,
          .experts = config.dimension_of({"num_local_experts", "num_experts"}, 8),
          .top_k = config.dimension("num_experts_per_tok", 2),
          .width = dims.intermediate,
          .routing = softmax_routing(true)};
}

// MiniMaxDecoderLayer: the stream itself is normed, and what comes of it is kept.
void add_normed(LayerBuilder& layer, const Part& norm, const Part& op, const Share& share) {
  layer.stage(Stage{.branches = {{.op = norm}}, .keep = 0});
  layer.stage(Stage{.branches = {{.op = op, .scale = share.scale}}, .keep = share.keep});
}

class MiniMaxDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    if (is_of(model, "minimax_m2")) return decompose_minimax_m2(model);
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms(config.positive("rms_norm_eps", 1e-5));
    const auto activation = config.text("hidden_act", "silu");
    if (activation != "silu") config.unsupported("hidden_act", "another activation than silu of lightning attention");
    const LightningOptions options{.block = config.dimension("block_size", 256)};
    const auto full_share = read_share(config, "full_attn"), lightning_share = read_share(config, "linear_attn");
    const auto mlp_share = read_share(config, "mlp");
    const auto mixture = read_mixture(config, dims, activation);
    const auto rope = read_rope(config, dims, {.theta = 1e6, .partial_rotary_factor = {}});
    check_rotary_dim(config, rope);
    StackBuilder text(model, {.family = "minimax", .base_class = "MiniMaxModel", .all_modules = true}, dims);
    const auto lightning = read_lightning_layers(config, dims.layers);
    text.embedding("embed_tokens");
    text.rotary(rope);
    const GqaOptions attention{.rope = rope, .window = config.maybe_dimension("sliding_window")};
    for (auto& layer : text.layers()) {
      const bool is_lightning = lightning[static_cast<std::size_t>(layer.index())];
      const auto attend =
          is_lightning ? lightning_attention(layer, "self_attn", options) : gqa(layer, "self_attn", attention);
      add_normed(layer, layer.norm("input_layernorm", norm), attend, is_lightning ? lightning_share : full_share);
      add_normed(layer, layer.norm("post_attention_layernorm", norm), moe(layer, "mlp", mixture), mlp_share);
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    for (const auto* buffer : {"query_decay", "key_decay", "diagonal_decay"})
      text.ignore(std::string("layers.{}.self_attn.") + buffer, "recomputed from slope_rate and block_size");
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(MiniMaxDecomposer, {.name = "minimax",
                                  .version = "1.0.0",
                                  .license = "Apache-2.0",
                                  .families = {"minimax"},
                                  .model_types = kNames.model_types});
