// OLMo's dense models, each generation with its norms in other places.
#pragma once

#include <garage/sdk/family.hpp>

garage::ModelSpec decompose_olmo(const garage::Model& model);
garage::ModelSpec decompose_olmo2(const garage::Model& model);  // and OLMo 3, whose layers have windows
