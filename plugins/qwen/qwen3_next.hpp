// Qwen3-Next and the text models of Qwen 3.5: three layers of a gated delta net to one of attention, whose heads have
// gates.
#pragma once

#include <garage/model.hpp>
#include <garage/spec.hpp>

bool is_qwen3_next(const garage::Model& model);
garage::ModelSpec decompose_qwen3_next(const garage::Model& model);
