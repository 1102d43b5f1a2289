// OLMo's mixtures of experts.
#pragma once

#include <garage/sdk/family.hpp>

garage::ModelSpec decompose_olmoe(const garage::Model& model);
garage::ModelSpec decompose_flex_olmo(const garage::Model& model);
