// Zamba 2 (transformers: modeling_zamba2.py, configuration_zamba2.py): Mamba 2's mixers, and beside some of them one of
// few attention blocks, which all such layers share, each with adapters of its own. What a block reads and how a layer
// goes on is in zamba2_modules.cpp.
#include <garage/sdk/family.hpp>

#include "shared_block.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

const FamilyNames kNames = {"zamba2", {"zamba2"}, {"Zamba2ForCausalLM", "Zamba2Model"}, {}};

// Zamba2Config: how many layers of mixers come before each hybrid one, and after the last.
std::vector<bool> default_hybrids() {
  std::vector<bool> hybrid(1, false);
  const auto add = [&](int mixers) {
    hybrid.insert(hybrid.end(), mixers, false);
    hybrid.push_back(true);
  };
  for (int i = 0; i < 7; ++i) add(5);
  add(4);
  add(3);
  hybrid.insert(hybrid.end(), 2, false);
  return hybrid;
}

std::vector<bool> read_hybrids(const ConfigReader& config) {
  const auto key = config.spelling({"layers_block_type", "layer_types"});
  if (!config.has(key)) return default_hybrids();
  std::vector<bool> hybrid;
  for (const auto& type : config.texts(key)) {
    if (type != "mamba" && type != "hybrid") config.unsupported(key, "another layer than mamba and hybrid");
    hybrid.push_back(type == "hybrid");
  }
  return hybrid;
}

StackDims read_dims(const ConfigReader& config, std::int64_t layers) {
  StackDims dims;
  dims.hidden = config.dimension("hidden_size", 2560);
  dims.layers = config.dimension("num_hidden_layers", 54);
  if (dims.layers != layers) config.refuse("num_hidden_layers", "as many as layers_block_type has");
  dims.heads = config.dimension("num_attention_heads", 32);
  dims.kv_heads = config.dimension("num_key_value_heads", dims.heads);
  if (dims.heads % dims.kv_heads != 0) config.refuse("num_key_value_heads", "such that they divide the heads");
  dims.head_dim = split_into_heads(config, 2 * dims.hidden, dims.heads);
  // What the class computes itself a config's own stands before.
  if (config.dimension("attention_hidden_size", 2 * dims.hidden) != 2 * dims.hidden)
    config.refuse("attention_hidden_size", "2 * hidden_size");
  if (config.dimension_of({"attention_head_dim", "head_dim"}, dims.head_dim) != dims.head_dim)
    config.refuse(config.spelling({"attention_head_dim", "head_dim"}), "2 * hidden_size / num_attention_heads");
  dims.intermediate = config.dimension("intermediate_size", 4 * dims.hidden);
  dims.vocab = config.dimension("vocab_size", 32000);
  dims.max_positions = config.dimension("max_position_embeddings", 4096);
  return dims;
}

// Zamba2MambaMixer.torch_forward: the norm's eps and the convolution's bias are the class's own. What comes of
// sequences longer than chunk_size is as its kernels and its own cache have it: the chunks of torch_forward do not add
// up there (it sums decay_chunk * states over the chunk that reads, where Mamba2Mixer sums over the one that is read).
HeadStateSpaceOptions read_mixer(const ConfigReader& config, const StackDims& dims) {
  HeadStateSpaceOptions space{.heads = config.dimension("n_mamba_heads", 8),
                              .groups = config.dimension("mamba_ngroups", 1),
                              .state = config.dimension("mamba_d_state", 64),
                              .kernel = config.dimension("mamba_d_conv", 4),
                              .norm = NamedNorm{"norm", rms(1e-5)},
                              .dt_min = config.positive("time_step_min", 0.001)};
  const auto inner = config.dimension("mamba_expand", 2) * dims.hidden;
  if (inner % space.heads != 0) config.refuse("n_mamba_heads", "such that they divide mamba_expand * hidden_size");
  if (!config.flag("use_conv_bias", true)) config.unsupported("use_conv_bias", "a convolution without its bias");
  space.head_dim = inner / space.heads;
  if (config.dimension("mamba_headdim", space.head_dim) != space.head_dim)
    config.refuse("mamba_headdim", "mamba_expand * hidden_size / n_mamba_heads");
  space.norm_groups = space.groups;
  space.bias = space.o_bias = config.flag("add_bias_linear", false);
  return space;
}

SharedBlocks read_blocks(const ConfigReader& config, double eps) {
  SharedBlocks blocks{.count = config.dimension("num_mem_blocks", 1),
                      .rank = config.dimension("adapter_rank", 128),
                      .adapts_attention = config.flag("use_shared_attention_adapter", false),
                      .bias = config.flag("add_bias_linear", false),
                      .eps = eps};
  if (config.text("hidden_act", "gelu") != "gelu") config.unsupported("hidden_act", "another activation than gelu");
  if (!config.flag("is_causal", true)) config.unsupported("is_causal", "attention both ways");
  return blocks;
}

class Zamba2Decomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto hybrid = read_hybrids(config);
    const auto dims = read_dims(config, static_cast<std::int64_t>(hybrid.size()));
    const auto norm = rms(config.positive("rms_norm_eps", 1e-5));
    const auto space = read_mixer(config, dims);
    auto blocks = read_blocks(config, norm.eps);
    if (config.flag("use_mem_rope", false)) {
      const auto rope = read_rope(config, dims, kWholeHeads);
      if (rope.scaling.kind != RopeScalingKind::none) config.unsupported("rope_parameters", "a scaled rope");
      blocks.theta = rope.theta;
    }
    StackBuilder text(model, {.family = "zamba2", .base_class = "Zamba2Model", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    text.step("first_embeddings", "shown", "embed_tokens", dims.hidden, dims.hidden,
              Custom{.builder = "first_embeddings"});
    for (auto& layer : text.layers()) {
      if (!hybrid[static_cast<std::size_t>(layer.index())]) {
        layer.stage({.norm = layer.norm("input_layernorm", norm), .op = head_state_space(layer, "mamba", space)});
        continue;
      }
      Custom whole{.builder = "hybrid_layer"};
      for (const auto& part :
           {shared_block(layer, blocks), layer.norm("input_layernorm", "mamba_decoder.input_layernorm", norm),
            head_state_space(layer, "mamba_decoder.mamba", space)})
        whole.parts.emplace_back(part.name);
      layer.own_code(std::move(whole), dims.hidden);
    }
    text.final_norm("final_layernorm", norm);
    text.output_head({.tied = read_tie(config, true)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(Zamba2Decomposer, {.name = "zamba2",
                                 .version = "1.0.0",
                                 .license = "Apache-2.0",
                                 .families = {"zamba2"},
                                 .model_types = kNames.model_types});
