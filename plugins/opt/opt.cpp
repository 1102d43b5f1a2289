// OPT (transformers: modeling_opt.py, configuration_opt.py).
#include "factorised.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// OPTConfig.
StackDims read_dims(const ConfigReader& config) {
  StackDims dims;
  dims.hidden = config.dimension("hidden_size", 768);
  dims.layers = config.dimension("num_hidden_layers", 12);
  dims.heads = dims.kv_heads = config.dimension("num_attention_heads", 12);
  dims.head_dim = split_into_heads(config, dims.hidden, dims.heads);
  dims.intermediate = config.dimension("ffn_dim", 3072);
  dims.vocab = config.dimension("vocab_size", 50272);
  dims.max_positions = config.dimension("max_position_embeddings", 2048);
  if (const auto width = config.dimension("word_embed_proj_dim", dims.hidden); width != dims.hidden) dims.embedding = width;
  return dims;
}

constexpr std::int64_t kPositionOffset = 2;  // OPTLearnedPositionalEmbedding: the row of position 0

// Its tensors are named as those of BART's relatives are.
const FamilyNames kNames = {"opt", {"opt"}, {"OPTForCausalLM", "OPTModel"}, {}};

class OptDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_dims(config);
    const bool first = config.flag("do_layer_norm_before", true), bias = config.flag("enable_bias", true);
    const auto activation = config.text("activation_function", "relu");
    const bool affine = config.flag("layer_norm_elementwise_affine", true);
    const NormStyle norm{.kind = NormKind::layer, .eps = 1e-5, .has_bias = affine, .has_weight = affine};
    const bool factorised = dims.embedding > 0;
    StackBuilder text(model,
                      {.family = "opt",
                       .base_class = "OPTModel",
                       .prefix = "model.decoder.",
                       .other_prefixes = {"decoder.", ""},
                       .base_prefix = "decoder.",
                       .all_modules = true},
                      dims);
    text.embedding("embed_tokens");
    if (factorised) project_in(text, kPositionOffset);
    else text.positions("embed_positions", kPositionOffset);
    for (auto& layer : text.layers()) {
      // Before what it is named after, or after the sum.
      const auto add = [&](std::string_view module, const Part& op) {
        const auto made = layer.norm(module, norm);
        if (first) layer.stage({.norm = made, .op = op});
        else layer.stage(Stage{.branches = {{.op = op}}, .after = made});
      };
      add("self_attn_layer_norm", gqa(layer, "self_attn", {.o = "out_proj", .bias = bias, .o_bias = bias}));
      add("final_layer_norm", plain_mlp(layer, "", {.activation = activation, .bias = bias}));
    }
    if (first && !config.flag("_remove_final_layer_norm", false)) text.final_norm("final_layer_norm", norm);
    if (factorised) project_out(text, read_tie(config, true));
    else text.output_head({.tied = read_tie(config, true)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(OptDecomposer, {.name = "opt",
                              .version = "1.0.0",
                              .license = "Apache-2.0",
                              .families = {"opt"},
                              .model_types = kNames.model_types});
