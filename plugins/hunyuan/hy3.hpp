// Hy3: norms of q and k before the rope, and a mixture by sigmoids, with a correction for the choice.
#pragma once

#include <garage/sdk/family.hpp>

garage::ModelSpec decompose_hy3(const garage::Model& model);
