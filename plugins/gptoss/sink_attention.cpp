// transformers: GptOssAttention of modeling_gpt_oss.py.
#include "sink_attention.hpp"

#include <cmath>

#include <garage/sdk/rope_within.hpp>

using namespace garage;
using namespace garage::sdk;

namespace {

CustomTensors tensors_of(const LayerBuilder& layer, const std::string& module, bool bias) {
  const auto& dims = layer.dims();
  const auto width = dims.heads * dims.head_dim, kv_width = dims.kv_heads * dims.head_dim;
  CustomTensors tensors(layer.tensors().of(module));
  tensors.linear("q_proj", dims.hidden, width, bias);
  tensors.linear("k_proj", dims.hidden, kv_width, bias);
  tensors.linear("v_proj", dims.hidden, kv_width, bias);
  tensors.linear("o_proj", width, dims.hidden, bias);
  tensors.add("sinks", {dims.heads});
  return tensors;
}

}  // namespace

Part sink_attention(LayerBuilder& layer, const std::string& module, const SinkAttentionOptions& options,
                    std::optional<std::int64_t> window) {
  const auto& dims = layer.dims();
  boost::json::object attributes{{"heads", dims.heads},
                                 {"kv_heads", dims.kv_heads},
                                 {"scale", 1 / std::sqrt(static_cast<double>(dims.head_dim))},
                                 {"causal", options.causal}};
  // On both sides a window takes in the position at its end (sliding_window_bidirectional_overlay).
  if (window) attributes["window"] = options.causal ? *window : *window + 1;
  auto custom = tensors_of(layer, module, options.bias).take(std::move(attributes), "sink_attention");
  custom.parts.emplace_back(rope_within(layer, options.rope, options.rope_module).name);
  auto made = layer.part("attention", part_type::kAttention, module, std::nullopt, std::move(custom));
  auto& spec = layer.spec_of(made);
  spec.num_heads = dims.heads;
  spec.head_dim = dims.head_dim;
  spec.extra_info["num_kv_heads"] = dims.kv_heads;
  return made;
}
