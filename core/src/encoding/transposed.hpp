// Matrices stored with their last two dimensions the other way round: GPT-2's in a GGUF file.
#pragma once

#include <memory>

#include <garage/encoding.hpp>

namespace garage {

// Requires: the tensor has two dimensions or more.
std::shared_ptr<const Encoding> transposed(std::shared_ptr<const Encoding> inner);

}  // namespace garage
