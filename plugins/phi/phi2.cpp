#include "phi2.hpp"

#include <cmath>

#include <garage/sdk/claim.hpp>
#include <garage/sdk/decoder.hpp>
#include <garage/sdk/rope_config.hpp>

using namespace garage;
using namespace garage::sdk;

namespace {

// What differs between the two namings, once the attention is told.
struct ParallelNames {
  std::string attention, norm, final_norm;  // modules: "self_attn", "input_layernorm", "final_layernorm"
};

void add_layers(DecoderBuilder& build, const ParallelNames& names, const std::string& activation, double eps,
                const std::function<Attention(const std::string& module)>& attention) {
  const auto& dims = build.dims();
  for (std::int64_t i = 0; i < dims.layers; ++i) {
    const auto module = build.layer_module(i);
    const auto mlp = module + ".mlp", norm = module + "." + names.norm;
    build.attention(i, module + "." + names.attention, attention(module + "." + names.attention));
    build.feed_forward(
        i, mlp, dims.intermediate,
        {.activation = activation, .up = build.linear(mlp + ".fc1", true), .down = build.linear(mlp + ".fc2", true)});
    build.norm(part_name(names.norm, i), i, norm, build.layer_norm(norm, eps));
    build.layer(i, dims.intermediate,
                {.join = LayerJoin::parallel,
                 .attention_norm = part_name(names.norm, i),
                 .attention = part_name("attention", i),
                 .feed_forward = part_name("ffn", i)});
  }
  build.final_norm("final_layernorm", names.final_norm, build.layer_norm(names.final_norm, eps));
}

Attention plain(const DecoderDims& dims, const Rope& rope) {
  return {.heads = dims.heads,
          .kv_heads = dims.kv_heads,
          .head_dim = dims.head_dim,
          .scale = 1 / std::sqrt(static_cast<double>(dims.head_dim)),
          .rope = rope};
}

// PhiConfig.
constexpr DecoderDims kDefaults = {.hidden = 2048,
                                   .layers = 24,
                                   .heads = 32,
                                   .kv_heads = 0,
                                   .head_dim = 0,
                                   .intermediate = 8192,
                                   .vocab = 51200,
                                   .max_positions = 2048};

DecoderDims read_msft_dims(const ConfigReader& config) {
  DecoderDims dims;
  dims.hidden = config.dimension("n_embd", 1024);
  dims.layers = config.dimension("n_layer", 20);
  dims.heads = config.dimension("n_head", 16);
  dims.kv_heads = config.dimension("n_head_kv", dims.heads);
  dims.head_dim = split_into_heads(config, dims.hidden, dims.heads);
  dims.intermediate = config.dimension("n_inner", 4 * dims.hidden);
  dims.max_positions = config.dimension("n_positions", 2048);
  // The class rounds the vocabulary up.
  const auto multiple = config.dimension("pad_vocab_size_multiple", 64);
  dims.vocab = (config.dimension("vocab_size", 50304) + multiple - 1) / multiple * multiple;
  return dims;
}

}  // namespace

ModelSpec decompose_phi2(const Model& model) {
  const auto config = ConfigReader::of(model);
  const auto dims = read_decoder_dims(config, kDefaults);
  const auto eps = config.positive("layer_norm_eps", 1e-5);
  const auto rope = read_rope(config, dims.head_dim, dims.max_positions, {.partial_rotary_factor = 0.5});
  const bool qk_norm = config.flag("qk_layernorm", false);
  DecoderBuilder build(model, dims,
                       {.family = "phi",
                        .base_class = "PhiModel",
                        .prefix = "model.",
                        .embedding = "embed_tokens",
                        .layers = "layers",
                        .all_modules = true});
  build.spec().extra_info = {{"num_kv_heads", dims.kv_heads}, {"rope_theta", rope.theta}};
  build.embedding("embedding", "embed_tokens", dims.vocab, {});
  build.rotary(rope);
  add_layers(build, {"self_attn", "input_layernorm", "final_layernorm"}, config.text("hidden_act", "gelu_new"), eps,
             [&](const std::string& module) {
               auto attention = plain(dims, rope);
               attention.q = build.linear(module + ".q_proj", true);
               attention.k = build.linear(module + ".k_proj", true);
               attention.v = build.linear(module + ".v_proj", true);
               attention.o = build.linear(module + ".dense", true);
               if (qk_norm) {
                 attention.q_norm = build.layer_norm(module + ".q_layernorm", eps);
                 attention.k_norm = build.layer_norm(module + ".k_layernorm", eps);
               }
               return attention;
             });
  build.output_head({.declared_tied = config.flag("tie_word_embeddings", false), .bias = true});
  build.ignore_rotary("layers.{}.self_attn.rotary_emb", "recomputed from rope_theta");
  return build.finish();
}

bool is_phi_msft(const Model& model) {
  if (const auto type = model_type_of(model); !type.empty()) return type == "phi-msft";
  return model.find("transformer.h.0.mixer.Wqkv.weight") != nullptr;
}

ModelSpec decompose_phi_msft(const Model& model) {
  const auto config = ConfigReader::of(model);
  const auto dims = read_msft_dims(config);
  const auto eps = config.positive("layer_norm_epsilon", 1e-5);
  const Rope rope{.theta = 10000, .dims = std::min(config.dimension("rotary_dim", 32), dims.head_dim)};
  // The head is a module of norm and projection outside `transformer`, so that no prefix is shared by all.
  DecoderBuilder build(model, dims,
                       {.family = "phi",
                        .prefix = "",
                        .embedding = "transformer.embd.wte",
                        .layers = "transformer.h",
                        .layers_key = "n_layer",
                        .heads = {"lm_head.linear"}});
  build.spec().extra_info = {{"num_kv_heads", dims.kv_heads}, {"rope_theta", rope.theta}};
  build.embedding("embedding", "transformer.embd.wte", dims.vocab, {});
  build.rotary(rope);
  add_layers(build, {"mixer", "ln", "lm_head.ln"}, config.text("activation_function", "gelu_new"), eps,
             [&](const std::string& module) {
               auto attention = plain(dims, rope);
               const auto fused = build.linear(module + ".Wqkv", true);
               const auto q_rows = dims.heads * dims.head_dim, kv_rows = dims.kv_heads * dims.head_dim;
               attention.q = rows(fused, 0, q_rows);
               attention.k = rows(fused, q_rows, kv_rows);
               attention.v = rows(fused, q_rows + kv_rows, kv_rows);
               attention.o = build.linear(module + ".out_proj", true);
               return attention;
             });
  build.output_head({.declared_tied = config.flag("tie_word_embeddings", false), .bias = true});
  build.ignore_rotary("transformer.h.{}.mixer.rotary_emb", "recomputed from rotary_dim");
  return build.finish();
}
