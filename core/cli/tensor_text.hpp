// A tensor and how it is looked at, in words: "h.0.attn.c_attn.weight transpose[0, 1] narrow[0, 0, 32]".
#pragma once

#include <string>

#include <garage/tensor_roles.hpp>

namespace garage::cli {

std::string tensor_text(const TensorRole& role);

}  // namespace garage::cli
