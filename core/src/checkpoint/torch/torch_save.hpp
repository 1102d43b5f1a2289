// What torch.save writes of a state dict: pytorch_model.bin. As a zip archive, and as one file before PyTorch 1.6.
#pragma once

#include "torch_archive.hpp"

namespace garage {

// Whether the file, or what it begins with, is as torch.save wrote it before PyTorch 1.6.
bool begins_as_legacy_torch_save(std::string_view begin);
bool is_legacy_torch_save(const std::filesystem::path& file);

// The tensors of a dict, by its keys. Reads pickles, and of the old form where storages begin; of a weight no byte.
// Nothing of a pickle runs; whatever it names beside what tensors are made of is refused by its name, as torch.load's
// weights_only does.
// Throws kCorrupt, kIo, kUnsupported (another name in the pickle; no dict of tensors; a quantised or sparse one).
WeightFile read_torch_save(const std::filesystem::path& file, const TorchArchive& archive);  // Requires: no script
WeightFile read_legacy_torch_save(const std::filesystem::path& file);

}  // namespace garage
