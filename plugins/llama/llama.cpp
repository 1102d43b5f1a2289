// Llama (transformers: modeling_llama.py, configuration_llama.py): Llama 1 to 3.3, CodeLlama, TinyLlama and all else
// whose model_type is `llama`.
#include <cmath>

#include <garage/sdk/claim.hpp>
#include <garage/sdk/decoder.hpp>
#include <garage/sdk/plugin.hpp>
#include <garage/sdk/rope_config.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// LlamaConfig.
constexpr DecoderDims kDefaults = {.hidden = 4096,
                                   .layers = 32,
                                   .heads = 32,
                                   .kv_heads = 0,
                                   .head_dim = 0,
                                   .intermediate = 11008,
                                   .vocab = 32000,
                                   .max_positions = 2048};

class LlamaDecomposer : public ModelDecomposer {
 public:
  // Tensor names and shapes are Mistral's too, so that they are no reason to claim a model.
  Detection detect(const Model& model) const override {
    return claim_by_config(model, {"llama", {"llama"}, {"LlamaForCausalLM", "LlamaModel"}});
  }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_decoder_dims(config, kDefaults);
    const auto rope = read_rope(config, dims.head_dim, dims.max_positions);
    const auto eps = config.positive("rms_norm_eps", 1e-6);
    const bool attention_bias = config.flag("attention_bias", false);
    const bool mlp_bias = config.flag("mlp_bias", false);
    const auto activation = config.text("hidden_act", "silu");

    DecoderBuilder build(model, dims, {"llama", "LlamaModel", "model.", "embed_tokens", "layers", "num_hidden_layers"});
    build.spec().extra_info = {{"num_kv_heads", dims.kv_heads}, {"rope_theta", rope.theta}};
    build.embedding("embedding", "embed_tokens", dims.vocab, {});
    build.rotary(rope);
    for (std::int64_t i = 0; i < dims.layers; ++i) {
      const auto module = build.layer_module(i);
      const auto attention = module + ".self_attn", mlp = module + ".mlp";
      build.attention(i, attention,
                      {.heads = dims.heads,
                       .kv_heads = dims.kv_heads,
                       .head_dim = dims.head_dim,
                       .scale = 1 / std::sqrt(static_cast<double>(dims.head_dim)),
                       .q = build.linear(attention + ".q_proj", attention_bias),
                       .k = build.linear(attention + ".k_proj", attention_bias),
                       .v = build.linear(attention + ".v_proj", attention_bias),
                       .o = build.linear(attention + ".o_proj", attention_bias),
                       .rope = rope});
      build.feed_forward(i, mlp,
                         {.activation = activation,
                          .gate = build.linear(mlp + ".gate_proj", mlp_bias),
                          .up = build.linear(mlp + ".up_proj", mlp_bias),
                          .down = build.linear(mlp + ".down_proj", mlp_bias)});
      for (const auto* norm : {"input_layernorm", "post_attention_layernorm"})
        build.norm(part_name(norm, i), i, module + "." + norm, build.rms_norm(module + "." + norm, eps));
      build.layer(i, {.join = LayerJoin::sequential,
                      .attention_norm = part_name("input_layernorm", i),
                      .attention = part_name("attention", i),
                      .feed_forward_norm = part_name("post_attention_layernorm", i),
                      .feed_forward = part_name("ffn", i)});
    }
    build.final_norm("norm", "norm", build.rms_norm("norm", eps));
    build.output_head(config.flag("tie_word_embeddings", false));
    build.ignore("layers.{}.self_attn.rotary_emb.inv_freq", {rope.dims / 2}, "recomputed from rope_theta");
    return build.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(LlamaDecomposer,
              {.name = "llama", .version = "1.0.0", .license = "Apache-2.0", .url = "", .families = {"llama"}});
