#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("mamba2: a state a head, whose norm comes after the gate", "[plugins][mamba2]") {
  const auto spec = registered("mamba2/mamba2");
  CHECK(spec->family == "mamba2");
  CHECK(steps(*spec) == std::vector<std::string>{"embedding", "layer_0", "layer_1", "layer_2", "norm_f", "output_head"});
  const auto& mixer = blueprint<HeadStateSpace>(*spec, "mixer_1");
  CHECK(mixer.heads * mixer.head_dim == 32);
  CHECK(mixer.groups == 2);
  CHECK(mixer.norm->size == 32);
  CHECK_FALSE(mixer.norm_groups);
  CHECK_FALSE(mixer.norm_before_gate);
  CHECK_FALSE(mixer.dt_min);
  CHECK_FALSE(mixer.dt_max);
  CHECK(spec->parts.find("mixer_1")->part_type == part_type::kMixer);
  CHECK(spec->parts.find("mixer_1")->module_path == "backbone.layers.1.mixer");
}

TEST_CASE("mamba2: steps have the config's bounds", "[plugins][mamba2]") {
  Draft draft("mamba2/mamba2");
  draft.config["time_step_limit"] = {0.25, 2.5};
  const auto bounded = draft.register_it();
  CHECK(blueprint<HeadStateSpace>(*bounded, "mixer_0").dt_min == 0.25);
  CHECK(blueprint<HeadStateSpace>(*bounded, "mixer_0").dt_max == 2.5);
  for (const boost::json::value& bad : {boost::json::value(nullptr), boost::json::value{2.0, 1.0}, boost::json::value{1.0},
                                        boost::json::value{0.0, {{"__float__", "NaN"}}}}) {
    draft.config["time_step_limit"] = bad;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'time_step_limit'"));
  }
}

TEST_CASE("mamba2: a config whose sizes disagree is refused", "[plugins][mamba2]") {
  Draft draft("mamba2/mamba2");
  draft.config["expand"] = 3;
  CHECK_THROWS_MATCHES(draft.register_it(), Error,
                       is_error(Errc::kCorrupt, "should be such that expand * hidden_size is num_heads * head_dim"));
  Draft groups("mamba2/mamba2");
  groups.config["n_groups"] = 3;
  CHECK_THROWS_MATCHES(groups.register_it(), Error, is_error(Errc::kCorrupt, "4 heads of the state space cannot share 3 groups evenly"));
}

TEST_CASE("falcon-mamba: what it selects is normed without weights, and the head is tied", "[plugins][mamba2]") {
  const auto spec = registered("mamba2/falcon-mamba");
  CHECK(spec->family == "mamba2");
  const auto& mixer = blueprint<ChannelStateSpace>(*spec, "mixer_0");
  CHECK(mixer.convolution.channels == 32);
  CHECK(mixer.dt_norm->size == mixer.step.in);
  CHECK_FALSE(mixer.dt_norm->weight);
  CHECK_FALSE(mixer.b_norm->weight);
  CHECK(mixer.c_norm->eps == 1e-6);
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to.has_value());
  Draft draft("mamba2/falcon-mamba");
  draft.config["mixer_rms_eps"] = 1e-3;
  draft.config.erase("intermediate_size");
  CHECK(blueprint<ChannelStateSpace>(*draft.register_it(), "mixer_2").b_norm->eps == 1e-3);
  draft.config["expand"] = 5;
  draft.config["intermediate_size"] = 32;  // stands before expand
  CHECK(blueprint<ChannelStateSpace>(*draft.register_it(), "mixer_0").convolution.channels == 32);
  draft.config["intermediate_size"] = 48;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "whose dimensions demand"));
}
