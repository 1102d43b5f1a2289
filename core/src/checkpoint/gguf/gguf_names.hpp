// A GGUF file's tensors under the names, and in the order of numbers, that its family has.
#pragma once

#include "../weight_file.hpp"
#include "gguf_model.hpp"
#include "gguf_table.hpp"

namespace garage {

// Of one file, or of one part of a split one; whole: the first part, which has the metadata, and the tensors of all.
// Throws kCorrupt (the table; a shape that does not fit), kUnsupported (a tensor that the table does not know, or whose
// type cannot be decoded here).
std::vector<Contents::Tensor> gguf_tensors(const GgufModel& model, const GgufModel::Part& part, const GgufTable& table);

}  // namespace garage
