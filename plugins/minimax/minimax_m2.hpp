// MiniMax M2: norms over all heads of q and k together, and a mixture by sigmoids.
#pragma once

#include <garage/sdk/family.hpp>

garage::ModelSpec decompose_minimax_m2(const garage::Model& model);

// rotary_dim, which these classes do not read: throws kUnsupported where it is not what the rope turns.
void check_rotary_dim(const garage::sdk::ConfigReader& config, const garage::Rope& rope);
