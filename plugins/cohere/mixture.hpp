// Cohere 2's mixture of experts: Command A+.
#pragma once

#include <garage/sdk/family.hpp>

garage::ModelSpec decompose_cohere2_moe(const garage::Model& model);
