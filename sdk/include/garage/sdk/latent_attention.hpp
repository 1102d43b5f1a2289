// Multi-head latent attention (DeepSeek 2 and 3, Mistral 4), as blocks of a layer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <garage/sdk/config_reader.hpp>
#include <garage/sdk/layer_builder.hpp>

namespace garage::sdk {

// Sizes of a head, but for the ranks.
struct LatentDims {
  std::optional<std::int64_t> q_rank = {};  // null: queries are one projection
  std::int64_t kv_rank = 0;
  std::int64_t nope_dim = 0, rope_dim = 0;  // of a query or key: what does not turn, then what does
  std::int64_t v_dim = 0;

  std::int64_t qk_dim() const { return nope_dim + rope_dim; }
};

// q_lora_rank, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim and v_head_dim; defaults are the class's.
LatentDims read_latent_dims(const ConfigReader& config, const LatentDims& defaults);

struct LatentOptions {
  LatentDims dims;
  NormStyle norm;                    // of what is low: q_a_layernorm and kv_a_layernorm
  bool bias = false;                 // of q_a_proj, kv_a_proj_with_mqa and o_proj
  Rope rope;                         // of rope_dim dimensions; where in the head they are is seen to here
  std::optional<double> scale = {};  // null: 1 / sqrt(nope_dim + rope_dim)
  std::optional<QueryScale> query_scale = {};
  std::optional<double> latent_scale = {};  // of what kv_a_layernorm gives (LongCat)
};

// Part attention_<i>. Modules are transformers': q_a_proj, q_a_layernorm and q_b_proj, or q_proj; kv_a_proj_with_mqa,
// kv_a_layernorm, kv_b_proj, o_proj.
Part latent_attention(LayerBuilder& layer, const std::string& module, const LatentOptions& options);

}  // namespace garage::sdk
