#include <garage/sdk/state_space.hpp>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::sdk {

Part channel_state_space(LayerBuilder& layer, const std::string& module, const ChannelStateSpaceOptions& options) {
  const auto tensors = layer.tensors().of(module);
  const auto hidden = layer.dims().hidden, channels = options.channels, state = options.state;
  ChannelStateSpace made{.state = state, .activation = options.activation};
  made.in = tensors.linear("in_proj", hidden, 2 * channels, options.bias);
  made.convolution = tensors.convolution("conv1d", channels, options.kernel, options.convolution_bias);
  made.select = tensors.linear("x_proj", channels, options.step_rank + 2 * state, false);
  made.step = tensors.linear("dt_proj", options.step_rank, channels, true);
  const auto norm = [&](const std::optional<NamedNorm>& named, std::int64_t size) {
    return named ? Apart<Norm>(tensors.norm(named->module, size, named->style)) : Apart<Norm>();
  };
  made.dt_norm = norm(options.dt_norm, options.step_rank);
  made.b_norm = norm(options.b_norm, state);
  made.c_norm = norm(options.c_norm, state);
  made.rate = tensors.tensor("A_log");
  made.skip = tensors.tensor("D");
  made.o = tensors.linear("out_proj", channels, hidden, options.bias);
  auto part = layer.part("mixer", part_type::kMixer, module, channels, std::move(made));
  layer.spec_of(part).extra_info["state_size"] = state;
  return part;
}

Part head_state_space(LayerBuilder& layer, const std::string& module, const HeadStateSpaceOptions& options) {
  if (options.heads % options.groups != 0)
    throw Error(Errc::kCorrupt, fmt::format("config.json: {} heads of the state space cannot share {} groups evenly",
                                            options.heads, options.groups));
  const auto tensors = layer.tensors().of(module);
  const auto hidden = layer.dims().hidden, inner = options.heads * options.head_dim;
  const auto mixed = inner + 2 * options.groups * options.state;
  HeadStateSpace made{.heads = options.heads,
                      .head_dim = options.head_dim,
                      .groups = options.groups,
                      .state = options.state,
                      .activation = options.activation};
  made.in = tensors.linear("in_proj", hidden, inner + mixed + options.heads, options.bias);
  made.convolution = tensors.convolution("conv1d", mixed, options.kernel, options.convolution_bias);
  made.dt_bias = tensors.tensor("dt_bias");
  made.rate = tensors.tensor("A_log");
  made.skip = tensors.tensor("D");
  if (options.norm) made.norm = tensors.norm(options.norm->module, inner, options.norm->style);
  if (options.norm_groups > 1) made.norm_groups = options.norm_groups;
  if (options.norm_before_gate) made.norm_before_gate = true;
  made.dt_min = options.dt_min;
  made.dt_max = options.dt_max;
  made.input_scale = options.input_scale;
  made.segment_scales = options.segment_scales;
  made.o = tensors.linear("out_proj", inner, hidden, options.o_bias);
  auto part = layer.part("mixer", part_type::kMixer, module, inner, std::move(made));
  auto& spec = layer.spec_of(part);
  spec.num_heads = options.heads;
  spec.head_dim = options.head_dim;
  spec.extra_info = {{"state_size", options.state}, {"num_groups", options.groups}};
  return part;
}

}  // namespace garage::sdk
