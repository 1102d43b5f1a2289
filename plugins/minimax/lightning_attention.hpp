// Lightning attention (MiniMax): linear attention whose memory fades at a pace of each head's own.
#pragma once

#include <cstdint>
#include <string>

#include <garage/sdk/family.hpp>

struct LightningOptions {
  std::int64_t block = 0;  // positions that are computed at once
};

// Part attention_<i>. Its pace, slope_rate, is in the file; decays that follow from it are computed anew.
garage::sdk::Part lightning_attention(garage::sdk::LayerBuilder& layer, const std::string& module,
                                      const LightningOptions& options);
