#pragma once

#include <garage/model.hpp>

namespace garage::sdk {

// Whether sentence-transformers runs modules behind the model, which is then the base alone.
bool has_sentence_modules(const Model& model);

}  // namespace garage::sdk
