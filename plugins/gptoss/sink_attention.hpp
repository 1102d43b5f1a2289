// GPT-OSS's attention: of each head a number, the sink, is one more score of the softmax, and weighs nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <garage/sdk/family.hpp>

struct SinkAttentionOptions {
  bool bias;                // of q, k, v and o
  bool causal;              // the config's is_causal
  garage::Rope rope;        // over whole heads
  std::string rope_module;  // the path of the model's one rope
};

// Parts attention_<i> and, in it, rotary_emb_<i>. window: positions that a token sees, itself included; null: all.
garage::sdk::Part sink_attention(garage::sdk::LayerBuilder& layer, const std::string& module,
                                 const SinkAttentionOptions& options, std::optional<std::int64_t> window);
