// ModernBERT (transformers: modeling_modernbert.py, configuration_modernbert.py).
#include <garage/error.hpp>
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

const FamilyNames kNames = {"modernbert", {"modernbert"}, {"ModernBertModel"}};

// ModernBertConfig.__post_init__: every third sees all, as global_attn_every_n_layers says.
std::vector<bool> slides(const ConfigReader& config, std::int64_t layers) {
  std::vector<bool> found;
  if (config.has("layer_types")) {
    for (const auto& type : read_layer_types(config, layers, {"full_attention", "sliding_attention"}))
      found.push_back(type == "sliding_attention");
    return found;
  }
  const auto every = config.dimension("global_attn_every_n_layers", 3);
  for (std::int64_t i = 0; i < layers; ++i) found.push_back(i % every != 0);
  return found;
}

Rope rope_of(const ConfigReader& config, const StackDims& dims, bool is_sliding) {
  auto rope = read_rope(config, dims,
                        {.theta = is_sliding ? 10000.0 : 160000.0,
                         .theta_key = is_sliding ? "local_rope_theta" : "global_rope_theta",
                         .partial_rotary_factor = {},
                         .layer_type = is_sliding ? "sliding_attention" : "full_attention"});
  rope.in_float32 = true;
  return rope;
}

// The same transform stands before every head.
void add_head(StackBuilder& text, const ConfigReader& config, const NormStyle& norm) {
  const TransformOptions transform{.dense = "head.dense",
                                   .activation = config.text("classifier_activation", "gelu"),
                                   .norm = "head.norm",
                                   .style = norm,
                                   .bias = config.flag("classifier_bias", false)};
  const auto hidden = text.dims().hidden;
  const auto kind = text.model_class().head;
  if (kind == HeadKind::none || kind == HeadKind::vocabulary)
    return text.output_head(
        {.tied = read_tie(config, true), .bias = config.flag("decoder_bias", true), .transform = transform});
  if (kind == HeadKind::sequence_labels || kind == HeadKind::choice) {
    const auto by = config.text("classifier_pooling", "cls");
    if (by != "cls" && by != "mean") config.refuse("classifier_pooling", "cls or mean");
    text.part("pooling", part_type::kPooler, "", hidden, hidden,
              Pooling{.size = hidden, .by = by == "cls" ? PooledBy::first : PooledBy::mean});
    text.run_through("pooling");
  }
  text.head_transform(transform);
  const auto labels = kind == HeadKind::choice ? 1 : text.labels();
  text.part("classifier", part_type::kClassifier, "classifier", hidden, labels,
            text.beside("classifier").linear("classifier", hidden, labels, true));
  text.run_through("classifier");
}

class ModernBertDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    if (config.has("rope_scaling")) config.unsupported("rope_scaling", "a rope that is scaled in all layers");
    auto dims = read_stack_dims(config, {768, 22, 12, 0, 0, 1152, 50368, 8192});
    dims.head_dim = split_into_heads(config, dims.hidden, dims.heads);
    const auto types = slides(config, dims.layers);
    const auto window = config.count("local_attention", 128) / 2 + 1;  // on both sides, and itself
    const bool bias = config.flag("attention_bias", false), mlp_bias = config.flag("mlp_bias", false);
    const auto activation = config.text("hidden_activation", "gelu");
    const NormStyle norm{
        .kind = NormKind::layer, .eps = config.positive("norm_eps", 1e-5), .has_bias = config.flag("norm_bias", false)};
    StackBuilder text(
        model, {.family = "modernbert", .base_class = "ModernBertModel", .heads = {"decoder"}, .all_modules = true},
        dims);
    text.embedding("embeddings.tok_embeddings");
    text.embedding_norm("embedding_norm", "embeddings.norm", norm);
    const auto global = text.rotary(rope_of(config, dims, false));
    const auto local = rope_of(config, dims, true);
    for (auto& layer : text.layers()) {
      const bool is_sliding = types[static_cast<std::size_t>(layer.index())];
      const auto attention = gqa(layer, "attn",
                                 {.qkv = fused_qkv("Wqkv"),
                                  .o = "Wo",
                                  .bias = bias,
                                  .o_bias = bias,
                                  .rope = is_sliding ? local : global,
                                  .window = is_sliding ? std::optional(window) : std::nullopt,
                                  .causal = false});
      Branch first{.op = attention};
      if (layer.index() > 0) first.norm = layer.norm("attn_norm", norm);  // the first layer's is the embedding's
      layer.stage(std::move(first));
      layer.stage({.norm = layer.norm("mlp_norm", norm),
                   .op = fused_gated_mlp(layer, "mlp", {activation, mlp_bias, "Wi", "Wo"})});
    }
    text.final_norm("final_norm", norm);
    add_head(text, config, norm);
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(ModernBertDecomposer, {.name = "modernbert",
                                     .version = "1.0.0",
                                     .license = "Apache-2.0",
                                     .families = {"modernbert"},
                                     .model_types = kNames.model_types});
