// transformers: modeling_recurrent_gemma.py, configuration_recurrent_gemma.py. What a recurrent block computes is in
// rg_lru.cpp.
#include "recurrent_gemma.hpp"

#include <bit>
#include <cmath>

#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// RecurrentGemmaConfig. Feed-forwards are half as wide as intermediate_size says.
StackDims read_dims(const ConfigReader& config) {
  StackDims dims;
  dims.hidden = config.dimension("hidden_size", 2560);
  dims.layers = config.dimension("num_hidden_layers", 26);
  dims.heads = config.dimension("num_attention_heads", 10);
  dims.kv_heads = config.dimension("num_key_value_heads", dims.heads);
  const auto own = config.maybe_dimension("head_dim");
  dims.head_dim = own ? *own : split_into_heads(config, dims.hidden, dims.heads);
  dims.intermediate = config.dimension("intermediate_size", 3 * 2560) / 2;
  dims.vocab = config.dimension("vocab_size", 256000);
  if (dims.heads % dims.kv_heads != 0) config.refuse("num_key_value_heads", "such that they divide the heads");
  return dims;
}

// block_types, over and over: true where the block is recurrent.
std::vector<bool> read_recurrent(const ConfigReader& config, std::int64_t layers) {
  auto types = config.has("block_types") ? config.texts("block_types")
                                         : std::vector<std::string>{"recurrent", "recurrent", "attention"};
  if (types.empty()) config.refuse("block_types", "a list of what layers are");
  std::vector<bool> recurrent;
  for (std::int64_t i = 0; i < layers; ++i) {
    const auto& type = types[static_cast<std::size_t>(i) % types.size()];
    if (type != "recurrent" && type != "attention")
      config.unsupported("block_types", "another block than recurrent and attention");
    recurrent.push_back(type == "recurrent");
  }
  return recurrent;
}

// RecurrentGemmaModel.normalizer is a bfloat16 whatever the model computes in: 8 bits of the square root, to even.
double embedding_scale(std::int64_t hidden) {
  auto bits = std::bit_cast<std::uint32_t>(std::sqrt(static_cast<float>(hidden)));
  bits += 0x7FFF + ((bits >> 16) & 1);
  return std::bit_cast<float>(bits & 0xFFFF0000);
}

// RecurrentGemmaRecurrentBlock; roles are its own names.
Custom recurrent_block(const Tensors& tensors, const ConfigReader& config, const StackDims& dims, std::int64_t width) {
  if (width % dims.heads != 0) config.refuse("lru_width", "a multiple of num_attention_heads");
  const auto block = width / dims.heads;
  CustomTensors table(tensors);
  table.linear("linear_y", dims.hidden, width);
  table.linear("linear_x", dims.hidden, width);
  table.linear("linear_out", width, dims.hidden);
  table.add({{"conv_1d.weight", {width, 1, config.dimension("conv1d_width", 4)}},
             {"conv_1d.bias", {width}},
             {"rg_lru.recurrent_param", {width}},
             {"rg_lru.input_gate_weight", {dims.heads, block, block}},
             {"rg_lru.input_gate_bias", {dims.heads, block}},
             {"rg_lru.recurrent_gate_weight", {dims.heads, block, block}},
             {"rg_lru.recurrent_gate_bias", {dims.heads, block}}});
  return table.take({{"activation", config.text("hidden_activation", "gelu_pytorch_tanh")}}, "rg_lru");
}

}  // namespace

ModelSpec decompose_recurrent_gemma(const Model& model, const ConfigReader& config) {
  const auto dims = read_dims(config);
  const auto norm = gemma_rms(config.positive("rms_norm_eps", 1e-6));
  const auto activation = config.text("hidden_activation", "gelu_pytorch_tanh");
  const auto width = config.dimension("lru_width", dims.hidden);
  const auto recurrent = read_recurrent(config, dims.layers);
  if (dims.head_dim % 2 != 0) config.refuse("head_dim", "even: half of a head turns");
  // Its class writes the config's own over the rope's.
  if (config.positive("partial_rotary_factor", 0.5) != 0.5)
    config.unsupported("partial_rotary_factor", "another share than half a head");
  const auto rope = read_rope(config, dims, {.partial_rotary_factor = 0.5});
  // RecurrentGemmaSdpaAttention takes a head apart into two halves, of which one turns.
  if (rope.dims * 2 != dims.head_dim) config.unsupported("partial_rotary_factor", "another share than half a head");
  if (rope.scaling.kind != RopeScalingKind::none) config.unsupported("rope_parameters", "a scaled rope");
  const GqaOptions attention{.bias = config.flag("attention_bias", false),
                             .o_bias = true,
                             .rope = rope,
                             .window = config.dimension_of({"attention_window_size", "sliding_window"}, 2048)};
  StackBuilder text(model, {.family = "gemma", .base_class = "RecurrentGemmaModel", .all_modules = true}, dims);
  text.embedding("embed_tokens", {.scale = embedding_scale(dims.hidden)});
  for (auto& layer : text.layers()) {
    const auto before = layer.norm("temporal_pre_norm", norm);
    const auto mixer = [&] {
      if (!recurrent[static_cast<std::size_t>(layer.index())]) return gqa(layer, "temporal_block", attention);
      return layer.part("mixer", part_type::kMixer, "temporal_block", width,
                        recurrent_block(layer.tensors().of("temporal_block"), config, dims, width));
    };
    layer.stage({.norm = before, .op = mixer()});
    layer.stage({.norm = layer.norm("channel_pre_norm", norm),
                 .op = gated_mlp(layer, "mlp_block", {.activation = activation, .bias = true})});
  }
  text.final_norm("final_norm", norm);
  text.output_head({.tied = read_tie(config, true), .softcap = config.positive("logits_soft_cap", 30)});
  return text.finish();
}
