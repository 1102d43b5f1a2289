// Whether two models compute the same function of weights of the same names and shapes: so that what their weights
// differ in is all that they differ in.
#pragma once

#include <garage/spec.hpp>

namespace garage::nn {

// Throws kUnsupported, naming the first part that differs and what in it: a dimension, a constant, a tensor's name.
void require_same_function(const ModelSpec& a, const ModelSpec& b);

}  // namespace garage::nn
