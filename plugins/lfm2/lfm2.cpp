// LFM2 and its mixtures (transformers: modeling_lfm2.py, modeling_lfm2_moe.py and their configurations): most layers
// are short convolutions.
#include <garage/sdk/family.hpp>

#include <algorithm>

namespace {

using namespace garage;
using namespace garage::sdk;

// Lfm2Config and Lfm2MoeConfig.
constexpr StackDims kDense = {.hidden = 2560,
                              .layers = 32,
                              .heads = 32,
                              .kv_heads = 8,
                              .intermediate = 12288,
                              .vocab = 65536,
                              .max_positions = 128000};
constexpr StackDims kSparse = {.hidden = 2048,
                               .layers = 32,
                               .heads = 32,
                               .kv_heads = 8,
                               .intermediate = 7168,
                               .vocab = 65536,
                               .max_positions = 128000};

const FamilyNames kNames = {
    "lfm2", {"lfm2", "lfm2_moe"}, {"Lfm2ForCausalLM", "Lfm2Model", "Lfm2MoeForCausalLM", "Lfm2MoeModel"}, {}};

// Lfm2Config.__post_init__ and Lfm2MLP.
std::int64_t read_width(const ConfigReader& config, std::int64_t otherwise) {
  const auto width = config.dimension(config.spelling({"block_ff_dim", "intermediate_size"}), otherwise);
  if (!config.flag("block_auto_adjust_ff_dim", true)) return width;
  const auto less = 2 * width / 3;
  if (config.is_null("block_ffn_dim_multiplier")) return less;
  const auto multiple = config.dimension("block_multiple_of", 256);
  const auto times =
      static_cast<std::int64_t>(config.positive("block_ffn_dim_multiplier", 1) * static_cast<double>(less));
  return multiple * ((times + multiple - 1) / multiple);
}

// Lfm2Config.__post_init__: of an old file the layers that attend, by number; where it has neither, all do.
std::vector<bool> read_attending(const ConfigReader& config, std::int64_t layers, bool has_numbers) {
  std::vector<bool> attends;
  if (config.has("layer_types") || !has_numbers) {
    for (const auto& type : read_layer_types(config, layers, {"full_attention", "conv"}))
      attends.push_back(type == "full_attention");
    return attends;
  }
  const bool all = !config.has("full_attn_idxs");
  const auto numbers = config.indices("full_attn_idxs");
  for (std::int64_t i = 0; i < layers; ++i)
    attends.push_back(all || std::find(numbers.begin(), numbers.end(), i) != numbers.end());
  return attends;
}

MoeOptions read_mixture(const ConfigReader& config) {
  MoeOptions mixture{.activation = "silu",
                     .experts = config.dimension("num_experts", 32),
                     .top_k = config.dimension("num_experts_per_tok", 4),
                     .width = config.dimension("moe_intermediate_size", 1792),
                     .names = {.gate = "w1", .up = "w3", .down = "w2"}};
  mixture.routing = {.scoring = Scoring::sigmoid,
                     .renormalise = config.flag("norm_topk_prob", true),
                     .scale = config.positive("routed_scaling_factor", 1),
                     .keeps_dtype = true};
  if (config.flag("use_expert_bias", true)) mixture.routing.correction = {"expert_bias"};
  if (mixture.routing.renormalise) mixture.routing.sum_epsilon = 1e-6;
  return mixture;
}

class Lfm2Decomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const bool is_sparse = is_of(model, "lfm2_moe");
    auto dims = read_stack_dims(config, is_sparse ? kSparse : kDense);
    if (!is_sparse) dims.intermediate = read_width(config, kDense.intermediate);
    const auto norm = rms(config.positive("norm_eps", 1e-5));
    const auto attends = read_attending(config, dims.layers, !is_sparse);
    const auto mixture = is_sparse ? read_mixture(config) : MoeOptions();
    const auto dense_layers = is_sparse ? config.count("num_dense_layers", 2) : dims.layers;
    const ShortConvolutionOptions convolution{.kernel = config.dimension("conv_L_cache", 3),
                                              .bias = config.flag("conv_bias", false)};
    StackBuilder text(
        model, {.family = "lfm2", .base_class = is_sparse ? "Lfm2MoeModel" : "Lfm2Model", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    const auto rope = text.rotary(read_rope(config, dims, {.theta = 1000000, .partial_rotary_factor = {}}));
    const GqaOptions attention{
        .o = "out_proj", .qk_norm = QkNorm{.style = norm, .q = "q_layernorm", .k = "k_layernorm"}, .rope = rope};
    const GatedMlpOptions mlp{.activation = "silu", .gate = "w1", .up = "w3", .down = "w2"};
    for (auto& layer : text.layers()) {
      const auto i = layer.index();
      layer.stage({.norm = layer.norm("operator_norm", norm),
                   .op = attends[static_cast<std::size_t>(i)] ? gqa(layer, "self_attn", attention)
                                                              : short_convolution(layer, "conv", convolution)});
      layer.stage(
          {.norm = layer.norm("ffn_norm", norm),
           .op = i < dense_layers ? gated_mlp(layer, "feed_forward", mlp) : moe(layer, "feed_forward", mixture)});
    }
    text.final_norm("embedding_norm", norm);
    // Lfm2Config: tie_embedding, where a file has it, stands before the other.
    text.output_head({.tied = config.flag(config.spelling({"tie_embedding", "tie_word_embeddings"}), true)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(Lfm2Decomposer, {.name = "lfm2",
                               .version = "1.0.0",
                               .license = "Apache-2.0",
                               .families = {"lfm2"},
                               .model_types = kNames.model_types});
