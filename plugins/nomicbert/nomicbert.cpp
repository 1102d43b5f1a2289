// NomicBERT, and Jina's third embeddings, whose layers are its own (transformers: modeling_nomic_bert.py,
// modeling_jina_embeddings_v3.py). Files name things as the first authors' code did: conversion_mapping.py.
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

const FamilyNames kNames = {
    "nomicbert", {"nomic_bert", "jina_embeddings_v3"}, {"NomicBertModel", "JinaEmbeddingsV3Model"}};

// The norms come behind the sums, as BERT's do.
void stage(LayerBuilder& layer, const Part& op, std::string_view norm_module, const NormStyle& norm) {
  layer.stage(Stage{.branches = {{.op = op}}, .after = layer.norm(norm_module, norm)});
}

EncoderHeads nomic_heads(const ConfigReader& config, const std::string& activation, const NormStyle& norm) {
  EncoderHeads heads;
  heads.vocabulary = {.tied = read_tie(config, true),
                      .biases = {"cls.predictions.bias", "cls.predictions.decoder.bias"},
                      .transform = TransformOptions{.dense = "cls.predictions.transform.dense",
                                                    .activation = activation,
                                                    .norm = "cls.predictions.transform.layer_norm",
                                                    .style = norm}};
  heads.pooler = PoolerNames{"pooler.dense"};
  heads.pooled = {"ForSequenceClassification"};
  heads.choice_labels = "";
  return heads;
}

EncoderHeads jina_heads(const ConfigReader& config, const NormStyle& norm) {
  EncoderHeads heads;
  heads.vocabulary = {.tied = read_tie(config, true),
                      .biases = {"lm_head.bias", "lm_head.decoder.bias"},
                      .transform = TransformOptions{
                          .dense = "lm_head.dense", .activation = "gelu", .norm = "lm_head.layer_norm", .style = norm}};
  heads.pooler = PoolerNames{"pooler.dense"};
  heads.pooled = {"Model"};
  heads.labels_pooler = PoolerNames{"classifier.dense"};
  heads.labels = "classifier.out_proj";
  heads.choice_labels = "";
  return heads;
}

class NomicBertDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const bool is_jina = is_of(model, "jina_embeddings_v3");
    const auto dims = is_jina ? read_stack_dims(config, {1024, 24, 16, 0, 0, 4096, 250002, 8194})
                              : read_stack_dims(config, {768, 12, 12, 0, 0, 3072, 30528, 2048});
    const auto activation = config.text("hidden_act", is_jina ? "gelu" : "silu");
    const auto norm = layer_norm(config.positive("layer_norm_eps", is_jina ? 1e-5 : 1e-12));
    StackBuilder text(model,
                      {.family = "nomicbert",
                       .base_class = is_jina ? "JinaEmbeddingsV3Model" : "NomicBertModel",
                       .prefix = is_jina ? "roberta." : "nomic_bert.",
                       .layers = "encoder.layers",
                       .heads = {is_jina ? "lm_head.decoder" : "cls.predictions.decoder"},
                       .token_head = "classifier",
                       .all_modules = true},
                      dims);
    text.embedding("embeddings.word_embeddings");
    text.types("embeddings.token_type_embeddings", config.dimension("type_vocab_size", is_jina ? 1 : 2));
    text.embedding_norm("embedding_norm", "emb_ln", norm);
    const auto rope =
        text.rotary(read_rope(config, dims, {.theta = is_jina ? 20000.0 : 1000.0, .partial_rotary_factor = {}}));
    for (auto& layer : text.layers()) {
      stage(layer,
            gqa(layer, is_jina ? "mixer" : "attn",
                {.qkv = fused_qkv("Wqkv"),
                 .o = "out_proj",
                 .bias = is_jina,
                 .o_bias = is_jina,
                 .rope = rope,
                 .causal = false}),
            "norm1", norm);
      const auto mlp = is_jina ? plain_mlp(layer, "mlp", {activation})
                               : gated_mlp(layer, "mlp", {activation, false, "fc12", "fc11", "fc2"});
      stage(layer, mlp, "norm2", norm);
    }
    add_encoder_head(text, is_jina ? jina_heads(config, norm) : nomic_heads(config, activation, norm));
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(NomicBertDecomposer, {.name = "nomicbert",
                                    .version = "1.0.0",
                                    .license = "Apache-2.0",
                                    .families = {"nomicbert"},
                                    .model_types = kNames.model_types});
