// transformers: MiniMaxLightningAttention of modeling_minimax.py.
#include "lightning_attention.hpp"

using namespace garage;
using namespace garage::sdk;

Part lightning_attention(LayerBuilder& layer, const std::string& module, const LightningOptions& options) {
  const auto& dims = layer.dims();
  const auto width = dims.heads * dims.head_dim;
  CustomTensors tensors(layer.tensors().of(module));
  tensors.linear("qkv_proj", dims.hidden, 3 * width, false);  // of each head its q, its k and its v
  tensors.linear("output_gate", dims.hidden, width, false);
  tensors.linear("out_proj", width, dims.hidden, false);
  tensors.add("norm.weight", {width});
  tensors.add("slope_rate", {dims.heads, 1, 1});
  auto custom =
      tensors.take({{"heads", dims.heads}, {"block", options.block}, {"norm_eps", 1e-6}},  // whatever the config says
                   "lightning_attention");
  auto made = layer.part("attention", part_type::kAttention, module, std::nullopt, std::move(custom));
  auto& spec = layer.spec_of(made);
  spec.num_heads = dims.heads;
  spec.head_dim = dims.head_dim;
  spec.extra_info["num_kv_heads"] = dims.heads;
  return made;
}
