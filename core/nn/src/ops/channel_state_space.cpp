// transformers: MambaMixer.slow_forward (modeling_mamba.py); FalconMambaMixer and JambaMambaMixer with their norms.
#include <algorithm>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/zeros.h>

#include "activation.hpp"
#include "modules.hpp"
#include "recurrence.hpp"

namespace garage::nn {
namespace {

constexpr std::int64_t kChunk = 64;  // tokens that are computed at once

// What the recurrence state = decay * state + fresh is after each token of a chunk, (batch, seq, channels, state), by
// doubling how many tokens each has summed: no factor is above 1, and so nothing overflows.
torch::Tensor states_of(torch::Tensor decay, torch::Tensor fresh, const torch::Tensor& state) {
  const auto length = decay.size(1);
  for (std::int64_t shift = 1; shift < length; shift *= 2) {
    const auto rest = length - shift;
    const auto factor = decay.narrow(1, shift, rest);
    fresh = at::cat({fresh.narrow(1, 0, shift), fresh.narrow(1, shift, rest) + factor * fresh.narrow(1, 0, rest)}, 1);
    decay = at::cat({decay.narrow(1, 0, shift), factor * decay.narrow(1, 0, rest)}, 1);
  }
  return fresh + decay * state.unsqueeze(1);
}

}  // namespace

ChannelStateSpaceModule::ChannelStateSpaceModule(const std::string& name, const ChannelStateSpace& space,
                                                 const TensorStore& store)
    : PartModule(name),
      space_(space),
      in_(add_linear(*this, "in", space.in, store)),
      select_(add_linear(*this, "select", space.select, store)),
      step_(add_linear(*this, "step", space.step, store)),
      o_(add_linear(*this, "o", space.o, store)),
      convolution_(*this, space.convolution, store),
      rate_(store.weight(space.rate).registered(*this, "rate")),
      skip_(store.weight(space.skip).registered(*this, "skip")) {
  const auto add_norm = [&](const std::string& role, const Apart<Norm>& norm) {
    return norm ? register_module(role, std::make_shared<NormModule>(name + "." + role, *norm, store)) : nullptr;
  };
  dt_norm_ = add_norm("dt_norm", space.dt_norm);
  b_norm_ = add_norm("b_norm", space.b_norm);
  c_norm_ = add_norm("c_norm", space.c_norm);
}

// In float32. Of padding the step is 0: it neither changes what is remembered nor makes it fade.
ChannelStateSpaceModule::Selected ChannelStateSpaceModule::selected(const torch::Tensor& x, Pass& pass) const {
  const auto all = select_(x);
  const auto few = space_.step.in, state = space_.state;
  const auto of = [&](std::int64_t first, std::int64_t count, const std::shared_ptr<NormModule>& norm) {
    const auto segment = all.narrow(-1, first, count);
    return norm ? norm->forward(segment, pass) : segment;
  };
  const auto dt = at::softplus(step_(of(0, few, dt_norm_)).to(torch::kFloat32));
  return {pass.without_padding(dt), of(few, state, b_norm_).to(torch::kFloat32),
          of(few + state, state, c_norm_).to(torch::kFloat32)};
}

torch::Tensor ChannelStateSpaceModule::compute(const torch::Tensor& given, Pass& pass) {
  const auto input = recurrent_input(name(), given, pass);
  require_hidden_states(input, space_.in.in, in_.options());
  if (input.size(1) == 0) return torch::zeros_like(input);
  auto* memory = pass.memory(name());
  const auto channels = space_.convolution.channels;
  const auto both = in_(input);
  const auto gate = both.narrow(-1, channels, channels);
  // By a bias padding is more than zeros.
  const auto x = activate(space_.activation,
                          convolution_(pass.without_padding(both.narrow(-1, 0, channels)), memory));
  const auto [dt, b, c] = selected(x, pass);
  const auto wide = x.to(torch::kFloat32);
  const auto rate = -rate_.dense().to(torch::kFloat32).exp();

  torch::Tensor state;
  if (memory) state = (*memory)["state"];
  if (!state.defined()) state = torch::zeros({input.size(0), channels, space_.state}, wide.options());
  std::vector<torch::Tensor> outputs;
  for (std::int64_t start = 0; start < input.size(1); start += kChunk) {
    const auto length = std::min(kChunk, input.size(1) - start);
    const auto of = [&](const torch::Tensor& all) { return all.narrow(1, start, length); };
    const auto decay = (of(dt).unsqueeze(-1) * rate).exp();
    const auto fresh = (of(dt) * of(wide)).unsqueeze(-1) * of(b).unsqueeze(2);
    const auto states = states_of(decay, fresh, state);
    outputs.push_back((states * of(c).unsqueeze(2)).sum(-1));
    state = states.select(1, length - 1).clone();  // not a view: what it is a view of would stay
  }
  if (memory) (*memory)["state"] = state;

  const auto y = at::cat(outputs, 1) + wide * skip_.dense().to(torch::kFloat32);
  return o_(y.to(input.scalar_type()) * activate(space_.activation, gate));
}

}  // namespace garage::nn
