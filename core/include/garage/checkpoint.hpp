// Checkpoints: models on disk, as transformers writes them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include <garage/export.hpp>
#include <garage/model.hpp>

namespace garage {

// Opens a folder, or a single file (.safetensors, torch.save's, TorchScript) with the config.json beside it, if there is
// one. Of a folder the weights are, as transformers has it, what the config's transformers_weights names, else
// model.safetensors, else the shards that model.safetensors.index.json lists, else pytorch_model.bin, else the shards of
// pytorch_model.bin.index.json; what was passed over is in the model's notes. Reads the config, the index and the
// headers; of a weight no byte is read, and nothing of a pickle is run.
//
// Ensures  Every shard is complete and says what the index says; a tensor is in exactly one of them.
// Throws   kNotFound (nothing there to open; a link whose target is not there), kIo, kCorrupt (a file breaks its
//          format's rules, or the index and the shards disagree), kUnsupported (a quantised checkpoint; another format;
//          a Git LFS pointer; an adapter; a shard or an index instead of its folder). Each says what is there instead.
// Threads  Reentrant.
GARAGE_API Model open_checkpoint(const std::filesystem::path& path);

// Where the bytes of a tensor lie.
struct TensorLocation {
  std::filesystem::path file;
  std::uint64_t offset = 0;  // bytes, from the first byte of the file
  std::uint64_t size = 0;    // bytes, from its first number to its last; 0 where there are none
  std::vector<std::int64_t> strides = {};  // elements, of each dimension; empty: row-major (all but PyTorch's files are)
};

struct LocatedModel {
  Model model;
  std::unordered_map<std::string, TensorLocation> locations;  // of every tensor, by name
  // Those whose coming, going or changing may make it another model, the weights' own among them; some are not there.
  std::vector<std::filesystem::path> files;
};

// open_checkpoint, and where each tensor's bytes lie. Throws the same.
GARAGE_API LocatedModel locate_checkpoint(const std::filesystem::path& path);

}  // namespace garage
