// GPT-NeoX and Pythia (transformers: modeling_gpt_neox.py, configuration_gpt_neox.py).
#include <cmath>

#include <garage/sdk/claim.hpp>
#include <garage/sdk/decoder.hpp>
#include <garage/sdk/plugin.hpp>
#include <garage/sdk/rope_config.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// GPTNeoXConfig.
constexpr DecoderDims kDefaults = {.hidden = 6144,
                                   .layers = 44,
                                   .heads = 64,
                                   .kv_heads = 0,
                                   .head_dim = 0,
                                   .intermediate = 24576,
                                   .vocab = 50432,
                                   .max_positions = 2048};

// A quarter of each head turns. transformers 4 spells it rotary_pct and rotary_emb_base.
Rope rope_of(const ConfigReader& config, const DecoderDims& dims) {
  return read_rope(config, dims.head_dim, dims.max_positions,
                   {.theta = config.positive("rotary_emb_base", 10000),
                    .partial_rotary_factor = config.positive("rotary_pct", 0.25)});
}

// Each head's rows are its q, its k and its v: [heads, 3, head_dim, hidden].
Linear of_each_head(Linear fused, const DecoderDims& dims, std::int64_t which) {
  using Kind = ViewStep::Kind;
  const auto rows = dims.heads * dims.head_dim;
  fused.weight.view = {{Kind::view, {dims.heads, 3, dims.head_dim, dims.hidden}},
                       {Kind::select, {1, which}},
                       {Kind::view, {rows, dims.hidden}}};
  if (fused.bias)
    fused.bias->view = {{Kind::view, {dims.heads, 3, dims.head_dim}}, {Kind::select, {1, which}}, {Kind::view, {rows}}};
  return fused;
}

const FamilyNames kNames = {"gpt_neox",
                            {"gpt_neox"},
                            {"GPTNeoXForCausalLM", "GPTNeoXModel"},
                            {{{"attention.query_key_value.weight", "attention.dense.weight", "mlp.dense_h_to_4h.weight",
                               "input_layernorm.bias", "post_attention_layernorm.bias"},
                              {}}}};

class GptNeoxDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_decoder_dims(config, kDefaults);
    const auto eps = config.positive("layer_norm_eps", 1e-5);
    const auto activation = config.text("hidden_act", "gelu");
    const bool bias = config.flag("attention_bias", true);
    const auto rope = rope_of(config, dims);
    const auto join = config.flag("use_parallel_residual", true) ? LayerJoin::parallel : LayerJoin::sequential;

    DecoderBuilder build(model, dims,
                         {.family = "gpt_neox",
                          .base_class = "GPTNeoXModel",
                          .prefix = "gpt_neox.",
                          .embedding = "embed_in",
                          .layers = "layers",
                          .heads = {"embed_out"}});
    build.spec().extra_info = {{"num_kv_heads", dims.kv_heads}, {"rope_theta", rope.theta}};
    build.embedding("embedding", "embed_in", dims.vocab, {});
    build.rotary(rope);
    for (std::int64_t i = 0; i < dims.layers; ++i) {
      const auto module = build.layer_module(i);
      const auto fused = build.linear(module + ".attention.query_key_value", bias);
      build.attention(i, module + ".attention",
                      {.heads = dims.heads,
                       .kv_heads = dims.heads,
                       .head_dim = dims.head_dim,
                       .scale = 1 / std::sqrt(static_cast<double>(dims.head_dim)),
                       .q = of_each_head(fused, dims, 0),
                       .k = of_each_head(fused, dims, 1),
                       .v = of_each_head(fused, dims, 2),
                       .o = build.linear(module + ".attention.dense", bias),
                       .rope = rope});
      build.feed_forward(i, module + ".mlp", dims.intermediate,
                         {.activation = activation,
                          .up = build.linear(module + ".mlp.dense_h_to_4h", true),
                          .down = build.linear(module + ".mlp.dense_4h_to_h", true)});
      for (const auto* norm : {"input_layernorm", "post_attention_layernorm"})
        build.norm(part_name(norm, i), i, module + "." + norm, build.layer_norm(module + "." + norm, eps));
      build.layer(i, dims.intermediate,
                  {.join = join,
                   .attention_norm = part_name("input_layernorm", i),
                   .attention = part_name("attention", i),
                   .feed_forward_norm = part_name("post_attention_layernorm", i),
                   .feed_forward = part_name("ffn", i)});
    }
    build.final_norm("final_layer_norm", "final_layer_norm", build.layer_norm("final_layer_norm", eps));
    build.output_head({.declared_tied = config.flag("tie_word_embeddings", false)});
    build.ignore("layers.{}.attention.bias", "the causal mask");
    build.ignore("layers.{}.attention.masked_bias", "the causal mask's constant");
    build.ignore_rotary("layers.{}.attention.rotary_emb", "recomputed from rope_theta");
    return build.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(GptNeoxDecomposer, {.name = "gpt-neox",
                                  .version = "1.0.0",
                                  .license = "Apache-2.0",
                                  .url = "",
                                  .families = {"gpt_neox"},
                                  .model_types = kNames.model_types});
