// State spaces as configs spell them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <garage/sdk/config_reader.hpp>
#include <garage/sdk/state_space.hpp>

namespace garage::sdk {

// Of the steps of a state space.
struct StepBounds {
  std::optional<double> least, most;  // null: no bound
};

// A pair, [0.0, Infinity], which is what an absent one means. Throws kCorrupt for anything else.
StepBounds read_step_bounds(const ConfigReader& config, std::string_view key = "time_step_limit");

// Dimensions that a step comes through, where it is hidden / 16, rounded up, unless the config has a number.
std::int64_t read_step_rank(const ConfigReader& config, std::string_view key, std::int64_t hidden);

// The keys of Bamba and what was made of it (Granite's hybrids, Falcon-H1): mamba_n_heads, mamba_d_head, ... inner: heads
// times their size. The norm is left to the caller.
HeadStateSpaceOptions read_mamba_heads(const ConfigReader& config, std::int64_t inner);

}  // namespace garage::sdk
