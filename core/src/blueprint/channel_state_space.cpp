#include <garage/blueprint/channel_state_space.hpp>

namespace garage {

void ChannelStateSpace::check(Faults& faults) const {
  const auto channels = convolution.channels;
  faults.present("state", state);
  faults.present("activation", activation);
  faults.present("rate", rate);
  faults.present("skip", skip);
  faults.equal("in.out", in.out, faults.product("in", {2, channels}), "2 x convolution.channels");
  faults.equal("select.in", select.in, channels, "convolution.channels");
  faults.equal("select.out", select.out, step.in + faults.product("select", {2, state}), "step.in + 2 x state");
  faults.equal("step.out", step.out, channels, "convolution.channels");
  faults.equal("o.in", o.in, channels, "convolution.channels");
  if (dt_norm) faults.equal("dt_norm.size", dt_norm->size, step.in, "step.in");
  if (b_norm) faults.equal("b_norm.size", b_norm->size, state, "state");
  if (c_norm) faults.equal("c_norm.size", c_norm->size, state, "state");
}

}  // namespace garage
