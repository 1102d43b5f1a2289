// DeepSeek 3.2's attention: latent, and of the keys before it each token looks at those alone that an indexer of small
// heads scores highest. GLM-5 has it too, some of its layers with the choice of a layer before.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <garage/sdk/family.hpp>

struct IndexerDims {
  std::int64_t heads = 0, head_dim = 0;
  std::int64_t top_k = 0;  // keys that a token looks at
};

// index_n_heads, index_head_dim and index_topk; defaults are the class's.
IndexerDims read_indexer_dims(const garage::sdk::ConfigReader& config, const IndexerDims& defaults);

// The layer whose indexer chooses for each layer: itself, or the last one before that has one of its own (GLM-5's
// indexer_types, or what stands for them).
std::vector<std::int64_t> read_choosing_layers(const garage::sdk::ConfigReader& config, std::int64_t layers);

struct SparseAttentionOptions {
  garage::sdk::LatentOptions latent;
  IndexerDims indexer;
  std::string rope_module = {};  // the path of the model's one rope
};

// Parts attention_<i> and, in it, rotary_emb_<i>. chooses: the layer whose indexer does.
garage::sdk::Part sparse_attention(garage::sdk::LayerBuilder& layer, const std::string& module,
                                   const SparseAttentionOptions& options, std::int64_t chooses);
