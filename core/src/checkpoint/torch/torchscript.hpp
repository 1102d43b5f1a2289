// TorchScript files: the tensors of a module that torch.jit.save wrote, and where their bytes lie.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <garage/checkpoint.hpp>
#include <garage/model.hpp>

namespace garage {

// Whether the file begins as a zip archive does; the other formats that we read do not.
bool is_zip_archive(const std::filesystem::path& file);

struct TorchScriptFile {
  struct Entry {
    TensorInfo tensor;
    TensorLocation location;  // of size 0 where the tensor is no row-major stretch of its storage
  };
  std::vector<Entry> entries;  // parameters, buffers and tensor attributes, as the module tree names them
  Model::Metadata metadata;    // the second name of a tensor: the first, as safetensors' save_model records it
  std::string inventory;       // all that was read of it, for a fingerprint
};

// Reads the archive's directory and the pickle of its module tree; of a weight no byte.
// Throws kNotFound, kIo, kCorrupt, kUnsupported (a zip archive that is no TorchScript; a tensor of a kind that the
// safetensors format has no name for: quantised, sparse).
TorchScriptFile read_torchscript(const std::filesystem::path& file);

}  // namespace garage
