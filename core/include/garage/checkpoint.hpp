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

// Opens a folder, or a single .safetensors file or TorchScript file (torch.jit.save) with the config.json beside it, if
// there is one. Of a folder the weights are, as transformers has it, what the config's transformers_weights names, else
// model.safetensors, else the shards that model.safetensors.index.json lists; what was passed over is in the model's
// notes. Reads the config, the index and the headers; of a weight no byte is read, and nothing of a TorchScript file is
// run.
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
  std::uint64_t size = 0;    // bytes; 0 where there are none, or they do not lie in one row-major piece (TorchScript)
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
