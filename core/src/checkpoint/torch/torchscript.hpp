// TorchScript files: the tensors of a module that torch.jit.save wrote, and where their bytes lie.
#pragma once

#include "torch_archive.hpp"

namespace garage {

// Parameters, buffers and tensor attributes, as the module tree names them. Reads the pickle of that tree; of a weight
// no byte. Throws kNotFound, kIo, kCorrupt, kUnsupported (a tensor of a kind that the safetensors format has no name
// for: quantised, sparse). Requires: archive.is_script().
WeightFile read_torchscript(const std::filesystem::path& file, const TorchArchive& archive);

}  // namespace garage
