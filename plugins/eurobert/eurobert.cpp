// EuroBERT, whose layers are Llama's and look both ways (transformers: modeling_eurobert.py,
// configuration_eurobert.py).
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

const FamilyNames kNames = {"eurobert", {"eurobert"}, {"EuroBertModel"}};

// EuroBertForSequenceClassification: a sequence is pooled and then scored, or "late" each token is, and their mean
// counts.
void add_labels(StackBuilder& text, const ConfigReader& config) {
  const auto hidden = text.dims().hidden, labels = text.labels();
  const auto by = config.text("classifier_pooling", "late");
  if (by != "bos" && by != "mean" && by != "late") config.refuse("classifier_pooling", "bos, mean or late");
  const auto pool = [&](std::int64_t size) {
    text.part("pooling", part_type::kPooler, "", size, size,
              Pooling{.size = size, .by = by == "bos" ? PooledBy::first : PooledBy::mean});
    text.run_through("pooling");
  };
  if (by != "late") pool(hidden);
  text.part("head_transform", part_type::kTransform, "dense", hidden, hidden,
            Dense{text.beside("dense").linear("dense", hidden, hidden, true), "gelu", {}});
  text.run_through("head_transform");
  text.part("classifier", part_type::kClassifier, "classifier", hidden, labels,
            text.beside("classifier").linear("classifier", hidden, labels, true));
  text.run_through("classifier");
  if (by == "late") pool(labels);
}

class EuroBertDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, {768, 12, 12, 0, 0, 3072, 128256, 8192});
    const bool bias = config.flag("attention_bias", false), mlp_bias = config.flag("mlp_bias", false);
    const auto activation = config.text("hidden_act", "silu");
    const auto norm = rms(config.positive("rms_norm_eps", 1e-5));
    StackBuilder text(
        model, {.family = "eurobert", .base_class = "EuroBertModel", .token_head = "classifier", .all_modules = true},
        dims);
    text.embedding("embed_tokens");
    const auto rope = text.rotary(read_rope(config, dims, kWholeHeads));
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm),
                   .op = gqa(layer, "self_attn", {.bias = bias, .o_bias = bias, .rope = rope, .causal = false})});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                   .op = gated_mlp(layer, "mlp", {activation, mlp_bias})});
    }
    text.final_norm("norm", norm);
    if (text.model_class().head == HeadKind::sequence_labels) add_labels(text, config);
    else text.output_head({.tied = read_tie(config, false), .bias = mlp_bias});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(EuroBertDecomposer, {.name = "eurobert",
                                   .version = "1.0.0",
                                   .license = "Apache-2.0",
                                   .families = {"eurobert"},
                                   .model_types = kNames.model_types});
