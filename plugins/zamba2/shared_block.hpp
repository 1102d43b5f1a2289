// The attention blocks that layers share, as part shared_block_<i> of each layer that uses one.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <garage/sdk/layer_builder.hpp>

struct SharedBlocks {
  std::int64_t count = 1;  // blocks, which the layers use in turn
  std::int64_t rank = 0;   // of adapters
  bool adapts_attention = false;
  bool bias = false;  // of the feed-forward
  double eps = 0;
  std::optional<double> theta = {};        // of the rope; null: there is none
  std::vector<std::int64_t> used_by = {};  // layers that have a block already
};

// Tensors of a block are those of the first layer that uses it; adapters and `linear` are the layer's own.
garage::sdk::Part shared_block(garage::sdk::LayerBuilder& layer, SharedBlocks& blocks);
