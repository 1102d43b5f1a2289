// SmolLM 3, Seed-OSS, Arcee and CWM, whose classes are Llama's but for a line or two.
#pragma once

#include <garage/sdk/family.hpp>

bool is_llama_copy(const garage::Model& model);
garage::ModelSpec decompose_llama_copy(const garage::Model& model);
