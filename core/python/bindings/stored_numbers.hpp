// The tensors of weight files, as their files store them: plain ones where they lie, encoded ones as the float32 that
// they stand for.
#pragma once

#include <garage/blueprint/tensor_ref.hpp>
#include <garage/weight_files.hpp>

#include "tensor.hpp"

namespace garage::python {

// A plain tensor is a view of the mapped file, or a copy where it lies at an odd address or strides cannot say the
// view. An encoded one (quantised, of a GGUF file, under an adapter) is decoded by several threads, of it no more rows
// than the view needs.
// Throws kCorrupt (no such tensor; the file was written to), kInvalidArgument (a view that does not fit), kUnsupported
// (a dtype with elements smaller than a byte).
Tensor tensor_of(WeightFiles& files, const TensorRef& reference);

}  // namespace garage::python
