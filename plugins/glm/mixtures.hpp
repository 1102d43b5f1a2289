// GLM-4.5 and 4.6, which are mixtures, and GLM-4.7 flash, whose attention is latent besides.
#pragma once

#include <garage/sdk/family.hpp>

garage::ModelSpec decompose_glm4_moe(const garage::Model& model);
garage::ModelSpec decompose_glm4_moe_lite(const garage::Model& model);
