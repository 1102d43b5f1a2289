// What PyTorch writes: torch.save's files, one or shards with an index, and TorchScript's.
#pragma once

#include "../format.hpp"
#include "../weight_file.hpp"

namespace garage {

const Format& torch_format();

// A file of torch.save's, whatever its name. Throws as open_checkpoint.
WeightFile read_pickled(const std::filesystem::path& file);

}  // namespace garage
