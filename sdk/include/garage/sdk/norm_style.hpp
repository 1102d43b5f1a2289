// Norms as values: which one a family has, whatever it stands over.
#pragma once

#include <string>

#include <garage/blueprint.hpp>

namespace garage::sdk {

struct NormStyle {
  NormKind kind = NormKind::rms;
  double eps = 0;
  bool has_bias = false;
  double weight_offset = 0;
  bool multiply_before_cast = false;
  bool has_weight = true;  // else nothing of it is in the file, unless it has a bias
};

// Below the module that it is part of.
struct NamedNorm {
  std::string module;
  NormStyle style;
};

constexpr NormStyle rms(double eps) { return {.eps = eps}; }  // x / rms * weight

// The same, multiplied before the cast (OLMo 2)
constexpr NormStyle rms_before_cast(double eps) { return {.eps = eps, .multiply_before_cast = true}; }

// x / rms * (1 + weight), multiplied before the cast
constexpr NormStyle gemma_rms(double eps) { return {.eps = eps, .weight_offset = 1, .multiply_before_cast = true}; }

// (x - mean) / deviation * weight + bias
constexpr NormStyle layer_norm(double eps) { return {.kind = NormKind::layer, .eps = eps, .has_bias = true}; }

}  // namespace garage::sdk
