// Checkpoints that are no model of their class, told by what their tensors are called.
#pragma once

#include <garage/model.hpp>

namespace garage::sdk {

// Throws kUnsupported, naming a tensor, what it is part of, and what to do, for what people take for a whole model: an
// adapter that was never merged, a draft head, another framework's layout.
void refuse_foreign_tensors(const Model& model);

}  // namespace garage::sdk
