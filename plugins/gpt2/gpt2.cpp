// GPT-2 (transformers: modeling_gpt2.py, configuration_gpt2.py).
#include <cmath>

#include <garage/error.hpp>
#include <garage/sdk/claim.hpp>
#include <garage/sdk/decoder.hpp>
#include <garage/sdk/plugin.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

DecoderDims read_dims(const ConfigReader& config) {
  // GPT2Config.attribute_map: either spelling may stand in the file; of two, the order would decide.
  const auto either = [&](std::string_view own, std::string_view common, std::int64_t otherwise) {
    if (config.has(own) && config.has(common) && config.dimension(own) != config.dimension(common))
      config.refuse(common, "what '" + std::string(own) + "' is, whose other name it is");
    return config.dimension(config.spelling({own, common}), otherwise);
  };
  DecoderDims dims;
  dims.hidden = either("n_embd", "hidden_size", 768);
  dims.layers = either("n_layer", "num_hidden_layers", 12);
  dims.heads = dims.kv_heads = either("n_head", "num_attention_heads", 12);
  dims.head_dim = split_into_heads(config, dims.hidden, dims.heads);
  dims.intermediate = config.dimension("n_inner", 4 * dims.hidden);
  dims.vocab = config.dimension("vocab_size", 50257);
  dims.max_positions = either("n_positions", "max_position_embeddings", 1024);
  return dims;
}

bool is_stored_in_out(const Model& model, const std::string& layer) {
  const auto prefix = layer.substr(0, layer.size() - std::string_view("h.0.").size());
  const auto* tokens = model.resolve(prefix + "wte.weight");
  if (!tokens || tokens->shape.size() != 2 || !model.find(prefix + "wpe.weight")) return false;
  const auto& stored = model.find(layer + "attn.c_attn.weight")->shape;
  const auto hidden = tokens->shape[1];
  return stored.size() == 2 && stored[0] == hidden && stored[1] % 3 == 0 && stored[1] / 3 == hidden;
}

// Others use these names of tensors (Qwen-1, GPT-J, Falcon, GPT-BigCode, old Phi); only GPT-2 has learned positions,
// norms with biases, and a c_attn stored [in, out].
const FamilyNames kNames = {"gpt2",
                            {"gpt2"},
                            {"GPT2LMHeadModel", "GPT2Model"},
                            {{{"attn.c_attn.weight", "ln_1.bias", "mlp.c_fc.bias"}, {}, is_stored_in_out, "h"}}};

class Gpt2Decomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    if (config.flag("add_cross_attention", false))
      config.unsupported("add_cross_attention", "GPT-2 as a decoder of another model");
    const auto dims = read_dims(config);
    const auto eps = config.positive("layer_norm_epsilon", 1e-5);
    const auto activation = config.text("activation_function", "gelu_new");

    DecoderBuilder build(model, dims,
                         {.family = "gpt2",
                          .base_class = "GPT2Model",
                          .prefix = "transformer.",
                          .embedding = "wte",
                          .layers = "h",
                          .layers_key = std::string(config.spelling({"n_layer", "num_hidden_layers"})),
                          .token_head = "classifier",
                          .all_modules = true});
    build.embedding("embedding", "wte", dims.vocab, {});
    build.embedding("pos_embedding", "wpe", dims.max_positions, {.indexed_by = IndexedBy::positions});
    for (std::int64_t i = 0; i < dims.layers; ++i) {
      const auto module = build.layer_module(i);
      // A Conv1D [H, 3H], whose columns are q, k and v: rows, once it is seen as a Linear.
      const auto fused = build.conv1d(module + ".attn.c_attn");
      build.attention(i, module + ".attn",
                      {.heads = dims.heads,
                       .kv_heads = dims.heads,
                       .head_dim = dims.head_dim,
                       .scale = scale(config, dims.head_dim, i),
                       .q = rows(fused, 0, dims.hidden),
                       .k = rows(fused, dims.hidden, dims.hidden),
                       .v = rows(fused, 2 * dims.hidden, dims.hidden),
                       .o = build.conv1d(module + ".attn.c_proj")});
      build.feed_forward(i, module + ".mlp", dims.intermediate,
                         {.activation = activation,
                          .up = build.conv1d(module + ".mlp.c_fc"),
                          .down = build.conv1d(module + ".mlp.c_proj")});
      for (const auto* norm : {"ln_1", "ln_2"})
        build.norm(part_name(norm, i), i, module + "." + norm, build.layer_norm(module + "." + norm, eps));
      build.layer(i, dims.intermediate,
                  {.join = LayerJoin::sequential,
                   .attention_norm = part_name("ln_1", i),
                   .attention = part_name("attention", i),
                   .feed_forward_norm = part_name("ln_2", i),
                   .feed_forward = part_name("ffn", i)});
    }
    build.final_norm("ln_f", "ln_f", build.layer_norm("ln_f", eps));
    build.output_head({.declared_tied = config.flag("tie_word_embeddings", true)});
    if (architecture_of(model) == "GPT2DoubleHeadsModel") add_choice_head(build, config);
    build.ignore("h.{}.attn.bias", "the causal mask, not a bias");
    build.ignore("h.{}.attn.masked_bias", "the causal mask's constant");
    return build.finish();
  }

 private:
  // GPT2SequenceSummary, of one label there.
  static void add_choice_head(DecoderBuilder& build, const ConfigReader& config) {
    if (!config.flag("summary_use_proj", true)) return;
    const auto out = config.flag("summary_proj_to_labels", true) ? 1 : build.dims().hidden;
    build.head_beside("multiple_choice_head", "multiple_choice_head.summary", out, true);
  }

  // GPT2Attention: scores / sqrt(head_dim) if scale_attn_weights, / (layer + 1) if scale_attn_by_inverse_layer_idx.
  static double scale(const ConfigReader& config, std::int64_t head_dim, std::int64_t layer) {
    double scale = config.flag("scale_attn_weights", true) ? 1 / std::sqrt(static_cast<double>(head_dim)) : 1;
    if (config.flag("scale_attn_by_inverse_layer_idx", false)) scale /= static_cast<double>(layer + 1);
    return scale;
  }
};

}  // namespace

GARAGE_PLUGIN(Gpt2Decomposer, {.name = "gpt2",
                               .version = "1.0.0",
                               .license = "Apache-2.0",
                               .url = "",
                               .families = {"gpt2"},
                               .model_types = kNames.model_types});
