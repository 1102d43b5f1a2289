// Nemotron-H (transformers: modeling_nemotron_h.py, configuration_nemotron_h.py): every layer is one thing, a state
// space, an attention without positions, a feed-forward or a mixture.
#include <garage/sdk/family.hpp>

#include <algorithm>

namespace {

using namespace garage;
using namespace garage::sdk;

// NemotronHConfig.
constexpr StackDims kDefaults = {.hidden = 4096,
                                 .layers = 4,
                                 .heads = 32,
                                 .kv_heads = 8,
                                 .head_dim = 128,
                                 .intermediate = 21504,
                                 .vocab = 131072,
                                 .max_positions = 4096};

const FamilyNames kNames = {"nemotronh", {"nemotron_h"}, {"NemotronHForCausalLM", "NemotronHModel"}, {}};

// What each layer is. An older config says it as a text, "M-M*E".
std::vector<std::string> read_blocks(const ConfigReader& config) {
  const auto key = config.spelling({"layers_block_type", "layer_types"});
  const auto known = {"mamba", "moe", "attention", "mlp"};
  if (config.has(key)) {
    const auto blocks = config.texts(key);
    for (const auto& block : blocks)
      if (std::find(known.begin(), known.end(), block) == known.end())
        config.unsupported(key, "another layer than mamba, moe, attention and mlp");
    if (blocks.empty()) config.refuse(key, "a list of what layers are");
    return blocks;
  }
  if (!config.has("hybrid_override_pattern")) return {"mamba", "moe", "attention", "mlp"};
  std::vector<std::string> blocks;
  for (const auto letter : config.text("hybrid_override_pattern")) {
    const auto at = std::string_view("ME*-").find(letter);
    if (at == std::string_view::npos) config.refuse("hybrid_override_pattern", "a text of M, E, * and -");
    blocks.emplace_back(*(known.begin() + at));
  }
  if (blocks.empty()) config.refuse("hybrid_override_pattern", "a text of M, E, * and -");
  return blocks;
}

// NemotronHMamba2Mixer.torch_forward. __post_init__: a key's older name stands before it. What comes of sequences longer
// than chunk_size is as its kernels and its own cache have it: the chunks of torch_forward do not add up there (it sums
// decay_chunk * states over the chunk that reads, where Mamba2Mixer sums over the one that is read).
HeadStateSpaceOptions read_mixer(const ConfigReader& config, double eps) {
  HeadStateSpaceOptions space{
      .heads = config.dimension("mamba_num_heads", 128),
      .head_dim = config.dimension("mamba_head_dim", 64),
      .groups = config.dimension(config.spelling({"mamba_n_groups", "n_groups"}), 8),
      .state = config.dimension("ssm_state_size", 128),
      .kernel = config.dimension(config.spelling({"mamba_d_conv", "conv_kernel"}), 4),
      .activation = config.text("mamba_hidden_act", "silu"),
      .convolution_bias = config.flag(config.spelling({"mamba_conv_bias", "use_conv_bias"}), true),
      .norm = NamedNorm{"norm", rms(eps)},
      .dt_min = config.positive(config.spelling({"mamba_dt_min", "time_step_min"}), 0.001)};
  space.bias = space.o_bias = config.flag("use_bias", false);
  space.norm_groups = space.groups;
  return space;
}

// NemotronHMoE
MoeOptions read_mixture(const ConfigReader& config) {
  const bool bias = config.flag("mlp_bias", false);
  MoeOptions mixture{.activation = config.text("mlp_hidden_act", "relu2"),
                     .experts = config.dimension("n_routed_experts", 8),
                     .top_k = config.dimension("num_experts_per_tok", 2),
                     .width = config.dimension("moe_intermediate_size", 7688),
                     .shared_width = config.dimension("moe_shared_expert_intermediate_size", 7688),
                     .shared_gate = false,
                     .shared = "shared_experts",
                     .gated = false,
                     .shared_bias = bias,
                     .latent_down = "fc1_latent_proj",
                     .latent_up = "fc2_latent_proj",
                     .latent = config.has("moe_latent_size") ? config.dimension("moe_latent_size") : 0,
                     .latent_bias = bias};
  mixture.routing = {.scoring = Scoring::sigmoid,
                     .renormalise = config.flag("norm_topk_prob", true),
                     .scale = config.positive("routed_scaling_factor", 1),
                     .correction = {"gate.e_score_correction_bias"},
                     .in_float32 = true};
  const auto groups = config.dimension("n_group", 1), kept = config.dimension("topk_group", 1);
  if (kept < groups) mixture.routing.groups = RouterGroups{groups, kept, 2, {}};
  if (mixture.routing.renormalise) mixture.routing.sum_epsilon = 1e-20;
  return mixture;
}

class NemotronHDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto blocks = read_blocks(config);
    auto dims = read_stack_dims(config, kDefaults);
    dims.layers = static_cast<std::int64_t>(blocks.size());  // num_hidden_layers counts for nothing
    const auto eps = config.positive("layer_norm_epsilon", 1e-5);
    const auto space = read_mixer(config, eps);
    const auto mixture = read_mixture(config);
    const PlainMlpOptions mlp{
        .activation = mixture.activation, .up = "up_proj", .down = "down_proj", .bias = config.flag("mlp_bias", false)};
    StackBuilder text(model,
                      {.family = "nemotronh",
                       .base_class = "NemotronHModel",
                       .other_prefixes = {"backbone.", ""},
                       .layers_key = "layers_block_type",
                       .all_modules = true},
                      dims);
    // conversion_mapping.py: as transformers 5 writes them, and as they were published.
    text.embedding(text.tensors().has("embeddings.weight") ? "embeddings" : "embedding");
    for (auto& layer : text.layers()) {
      const auto& block = blocks[static_cast<std::size_t>(layer.index())];
      const auto norm = layer.norm("norm", rms(eps));
      layer.stage({.norm = norm,
                   .op = block == "mamba"       ? head_state_space(layer, "mixer", space)
                         : block == "moe"       ? moe(layer, "mixer", mixture)
                         : block == "attention" ? gqa(layer, "mixer")
                                                : plain_mlp(layer, "mixer", mlp)});
    }
    text.final_norm("norm_f", rms(eps));
    text.output_head({.tied = read_tie(config, false)});
    text.ignore_beside("mtp.*", "predicts further tokens, which the class does not do");
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(NemotronHDecomposer, {.name = "nemotronh",
                                    .version = "1.0.0",
                                    .license = "Apache-2.0",
                                    .families = {"nemotronh"},
                                    .model_types = kNames.model_types});
