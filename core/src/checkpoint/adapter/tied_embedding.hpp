// Embeddings that are the output head, too. PEFT changes the one module that it is told to change, and the weights that
// both share are then two: no tensor of the model stands for both.
#pragma once

#include "../contents.hpp"

namespace garage {

// Whether the tensor of a module, an embedding or a head of the vocabulary, may be both in the model. Where neither the
// config nor the tensors tell, it may.
bool may_be_tied(const Contents& contents, const TensorInfo& tensor, bool is_embedding);

}  // namespace garage
