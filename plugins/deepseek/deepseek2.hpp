// DeepSeek 2: latent attention, and experts by a softmax, of all or of the best groups.
#pragma once

#include <garage/sdk/family.hpp>

garage::ModelSpec decompose_deepseek2(const garage::Model& model);
