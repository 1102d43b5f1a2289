#include <garage/sdk/delta_net.hpp>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::sdk {
namespace {

using Kind = ViewStep::Kind;

// Rows [start, start + count) of each of groups, as one projection.
Linear of_each_group(Linear fused, std::int64_t groups, std::int64_t start, std::int64_t count) {
  const auto rows = fused.out / groups;
  fused.out = groups * count;
  fused.weight.view = {
      {Kind::view, {groups, rows, fused.in}}, {Kind::narrow, {1, start, count}}, {Kind::view, {fused.out, fused.in}}};
  return fused;
}

// Of the convolution's weight [channels, 1, kernel] so many channels.
TensorRef channels(TensorRef weight, std::int64_t start, std::int64_t count, std::int64_t kernel) {
  weight.view = {{Kind::narrow, {0, start, count}}, {Kind::view, {count, kernel}}};
  return weight;
}

void project_by_key_head(DeltaNet& net, const Tensors& tensors, std::int64_t hidden) {
  const auto serves = net.value_heads / net.key_heads, values = serves * net.value_dim;
  const auto qkvz = tensors.linear("in_proj_qkvz", hidden, net.key_heads * 2 * (net.key_dim + values), false);
  const auto ba = tensors.linear("in_proj_ba", hidden, 2 * net.value_heads, false);
  net.q = of_each_group(qkvz, net.key_heads, 0, net.key_dim);
  net.k = of_each_group(qkvz, net.key_heads, net.key_dim, net.key_dim);
  net.v = of_each_group(qkvz, net.key_heads, 2 * net.key_dim, values);
  net.gate = of_each_group(qkvz, net.key_heads, 2 * net.key_dim + values, values);
  net.beta = of_each_group(ba, net.key_heads, 0, serves);
  net.decay = of_each_group(ba, net.key_heads, serves, serves);
}

void project_one_after_another(DeltaNet& net, const Tensors& tensors, std::int64_t hidden) {
  const auto keys = net.key_heads * net.key_dim, values = net.value_heads * net.value_dim;
  const auto qkv = tensors.linear("in_proj_qkv", hidden, 2 * keys + values, false);
  net.q = rows(qkv, 0, keys);
  net.k = rows(qkv, keys, keys);
  net.v = rows(qkv, 2 * keys, values);
  net.gate = tensors.linear("in_proj_z", hidden, values, false);
  net.beta = tensors.linear("in_proj_b", hidden, net.value_heads, false);
  net.decay = tensors.linear("in_proj_a", hidden, net.value_heads, false);
}

void project_by_themselves(DeltaNet& net, const Tensors& tensors, std::int64_t hidden) {
  const auto keys = net.key_heads * net.key_dim, values = net.value_heads * net.value_dim;
  net.q = tensors.linear("q_proj", hidden, keys, false);
  net.k = tensors.linear("k_proj", hidden, keys, false);
  net.v = tensors.linear("v_proj", hidden, values, false);
  net.gate = tensors.linear("g_proj", hidden, values, false);
  net.beta = tensors.linear("b_proj", hidden, net.value_heads, false);
  net.decay = tensors.linear("a_proj", hidden, net.value_heads, false);
}

void convolve(DeltaNet& net, const Tensors& tensors, DeltaNetRows rows) {
  const auto keys = net.key_heads * net.key_dim, values = net.value_heads * net.value_dim;
  if (rows == DeltaNetRows::by_themselves) {
    net.q_conv = channels(tensors.tensor("q_conv1d.weight"), 0, keys, net.kernel);
    net.k_conv = channels(tensors.tensor("k_conv1d.weight"), 0, keys, net.kernel);
    net.v_conv = channels(tensors.tensor("v_conv1d.weight"), 0, values, net.kernel);
    return;
  }
  const auto conv = tensors.tensor("conv1d.weight");
  net.q_conv = channels(conv, 0, keys, net.kernel);
  net.k_conv = channels(conv, keys, keys, net.kernel);
  net.v_conv = channels(conv, 2 * keys, values, net.kernel);
}

}  // namespace

Part gated_delta_net(LayerBuilder& layer, const std::string& module, const DeltaNetOptions& options) {
  if (options.value_heads % options.key_heads != 0)
    throw Error(Errc::kCorrupt, fmt::format("config.json: {} value heads cannot share {} key heads evenly",
                                            options.value_heads, options.key_heads));
  const auto tensors = layer.tensors().of(module);
  const auto hidden = layer.dims().hidden;
  DeltaNet net{.key_heads = options.key_heads,
               .value_heads = options.value_heads,
               .key_dim = options.key_dim,
               .value_dim = options.value_dim,
               .kernel = options.kernel};
  if (options.rows == DeltaNetRows::by_key_head) project_by_key_head(net, tensors, hidden);
  else if (options.rows == DeltaNetRows::by_themselves) project_by_themselves(net, tensors, hidden);
  else project_one_after_another(net, tensors, hidden);
  convolve(net, tensors, options.rows);
  net.rate = tensors.tensor("A_log");
  net.decay_bias = tensors.tensor("dt_bias");
  net.norm = tensors.norm(options.norm_module, net.value_dim, options.norm);
  net.o = tensors.linear(options.o, net.value_heads * net.value_dim, hidden, false);
  net.beta_scale = options.beta_scale;
  auto made = layer.part("mixer", part_type::kMixer, module, std::nullopt, std::move(net));
  auto& spec = layer.spec_of(made);
  spec.num_heads = options.value_heads;
  spec.head_dim = options.value_dim;
  spec.extra_info["num_key_heads"] = options.key_heads;
  return made;
}

}  // namespace garage::sdk
