// Attention, as blocks of a layer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <garage/sdk/layer_builder.hpp>

namespace garage::sdk {

// How a projection of q, k and v together lies in its rows.
enum class FusedRows {
  one_after_another,  // all of q, all of k, all of v
  by_group,  // of each kv head its q's, its k and its v: [kv_heads, heads / kv_heads + 2, D]; GPT-NeoX: [heads, 3, D]
};

// Where q, k and v come from: modules below the attention's.
struct QkvModules {
  std::string q = "q_proj", k = "k_proj", v = "v_proj";
  std::string fused = {};  // one for all three, if it has a name
  FusedRows rows = FusedRows::one_after_another;
  bool gate_in_q = false;  // each head's rows of q are followed by as many of a gate (Qwen3-Next)
};

inline QkvModules fused_qkv(std::string module, FusedRows rows = FusedRows::one_after_another) {
  return {.fused = std::move(module), .rows = rows};
}

// Which weights the norms of heads have.
enum class HeadWeights {
  shared,         // one, [D], for all heads
  rows,           // one tensor, [heads, D] (Cohere)
  tensor_a_head,  // a module for each, "q_layernorm.norms.<h>" (StableLM 2)
};

// Norms of q and k: over each head, or over all together (OLMo 2); before the rope, or after it.
struct QkNorm {
  NormStyle style;
  std::string q = "q_norm", k = "k_norm";
  bool over_all_heads = false;
  bool after_position = false;
  bool has_weight = true;
  HeadWeights weights = HeadWeights::shared;
};

struct GqaOptions {
  QkvModules qkv = {};
  std::string o = "o_proj";
  bool bias = false, o_bias = false;  // of q, k and v; of o
  std::optional<QkNorm> qk_norm = {};
  std::optional<Rope> rope = {};
  std::optional<Alibi> alibi = {};  // in a rope's place
  std::optional<RelativeBias> relative_bias = {};  // in a rope's place
  std::optional<double> scale = {};                    // null: 1 / sqrt(head_dim)
  std::optional<double> softcap = {};                  // of the scores
  std::optional<QueryScale> query_scale = {};          // by position
  std::optional<std::int64_t> window = {};             // positions that a token sees, itself included; null: all
  std::optional<std::int64_t> chunk = {};              // of positions, within which a token sees; null: all
  std::optional<std::int64_t> longest = {};            // of sequences that are computed; null: any
  bool causal = true;                                  // the config's is_causal is seen to
  std::int64_t heads = 0, kv_heads = 0, head_dim = 0;  // 0: the stack's
  std::optional<NormStyle> v_norm = {};                // of each head's values, without a weight
  bool values_are_keys = false;                        // there is no projection of v: it is what k's gives
  std::optional<std::int64_t> keys_of = {};            // the layer whose keys and values are looked at: none of its own
  bool is_source = false;                              // others look at its keys and values
  bool from_memory = false;                            // keys and values are of an encoder's output
  std::optional<double> clip = {};                     // how far from 0 q, k and v may be, after their norms
  std::optional<NamedNorm> o_norm = {};                // of what o is given
  std::string gate = {};                               // a module of its own, if it has a name: "gate_proj"
  bool gate_of_head = false;                           // it gives one number for each head
  std::optional<GateKind> gate_kind = {};              // null: sigmoid
};

// Grouped-query attention: part attention_<i>, or cross_attention_<i> where it is from_memory.
Part gqa(LayerBuilder& layer, const std::string& module, const GqaOptions& options = {});

}  // namespace garage::sdk
