// A stack's dimensions, as configs spell them.
#pragma once

#include <cstdint>

#include <garage/sdk/config_reader.hpp>

namespace garage::sdk {

struct StackDims {
  std::int64_t hidden = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t intermediate = 0;
  std::int64_t vocab = 0;
  std::int64_t max_positions = 0;
  std::int64_t embedding = 0;  // numbers per position that the embeddings give; 0: hidden
};

// The dimensions in the keys that Llama and its many relatives share. defaults are the config class's own, for keys
// that are absent; kv_heads 0 there means "as many as heads", head_dim 0 means "hidden / heads"; where another is 0, but
// max_positions, the key must be there.
// Throws kCorrupt, also when heads do not divide hidden or kv_heads do not divide heads.
StackDims read_stack_dims(const ConfigReader& config, const StackDims& defaults);

// The same in GPT-2's keys (n_embd, n_layer, n_head, n_inner, n_positions), whose other names are Llama's; of two that
// disagree one is refused. There are as many kv heads as heads; intermediate 0 in defaults means 4 * hidden.
StackDims read_gpt2_dims(const ConfigReader& config, const StackDims& defaults);

// head_dim = hidden / heads. Throws kCorrupt unless it divides.
std::int64_t split_into_heads(const ConfigReader& config, std::int64_t hidden, std::int64_t heads);

// Whether the config ties the head to the embedding; otherwise is its class's default.
bool read_tie(const ConfigReader& config, bool otherwise);

}  // namespace garage::sdk
