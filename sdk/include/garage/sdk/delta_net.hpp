// Gated delta nets, as blocks of a layer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <garage/sdk/layer_builder.hpp>

namespace garage::sdk {

// How the projections of the input lie in their rows.
enum class DeltaNetRows {
  one_after_another,  // in_proj_qkv: all of q, of k, of v; in_proj_z, in_proj_b and in_proj_a by themselves (Qwen 3.5)
  by_themselves,      // q_proj, k_proj, v_proj, g_proj, b_proj and a_proj, and three convolutions (OLMo hybrid)
  by_key_head,        // in_proj_qkvz and in_proj_ba: of each key head its own of each (Qwen3-Next)
};

struct DeltaNetOptions {
  std::int64_t key_heads = 0, value_heads = 0;  // heads of q and k, and of v
  std::int64_t key_dim = 0, value_dim = 0;      // of a head
  std::int64_t kernel = 0;                      // positions that the convolution sees
  NormStyle norm;                               // of each head's result
  DeltaNetRows rows = DeltaNetRows::one_after_another;
  std::optional<double> beta_scale = {};        // of sigmoid(beta)
  std::string norm_module = "norm", o = "out_proj";
};

// Part mixer_<i>. Throws kCorrupt when the value heads cannot share the key heads evenly.
Part gated_delta_net(LayerBuilder& layer, const std::string& module, const DeltaNetOptions& options);

}  // namespace garage::sdk
