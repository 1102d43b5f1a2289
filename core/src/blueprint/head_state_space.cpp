#include <garage/blueprint/head_state_space.hpp>

namespace garage {
namespace {

void check_norm(const HeadStateSpace& space, std::int64_t channels, Faults& faults) {
  const auto& norm = space.norm;
  faults.above_0("norm_groups", space.norm_groups);
  if (!norm) return faults.require(!space.norm_groups && !space.norm_before_gate, "says how it norms, and has no 'norm'");
  faults.equal("norm.size", norm->size, channels, "heads x head_dim");
  faults.require(norm->kind == NormKind::rms && norm->weight && !norm->bias && norm->weight_offset == 0,
                 "has a 'norm' that is no plain rms with a weight");
  const auto groups = space.norm_groups.value_or(1);
  faults.require(groups <= 0 || channels % groups == 0, [&] {
    return std::to_string(groups) + " norm_groups cannot share " + std::to_string(channels) + " numbers evenly";
  });
}

}  // namespace

void HeadStateSpace::check(Faults& faults) const {
  faults.present("heads", heads);
  faults.present("head_dim", head_dim);
  faults.present("groups", groups);
  faults.present("state", state);
  faults.present("activation", activation);
  faults.present("dt_bias", dt_bias);
  faults.present("rate", rate);
  faults.present("skip", skip);
  faults.above_0("input_scale", input_scale);
  if (heads <= 0 || groups <= 0) return;
  faults.require(heads % groups == 0, [&] {
    return std::to_string(heads) + " heads cannot share " + std::to_string(groups) + " groups evenly";
  });
  const auto channels = faults.product("o", {heads, head_dim}), shared = faults.product("in", {2, groups, state});
  faults.equal("convolution.channels", convolution.channels, channels + shared,
               "heads x head_dim + 2 x groups x state");
  faults.equal("in.out", in.out, channels + convolution.channels + heads,
               "heads x head_dim + convolution.channels + heads");
  faults.equal("o.in", o.in, channels, "heads x head_dim");
  check_norm(*this, channels, faults);
  faults.require(segment_scales.empty() || segment_scales.size() == 5, [&] {
    return "has " + std::to_string(segment_scales.size()) + " segment_scales, should be 5, or none";
  });
  faults.require(!dt_min || !dt_max || *dt_min <= *dt_max, "has a dt_min above its dt_max");
}

}  // namespace garage
