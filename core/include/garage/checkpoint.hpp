// Checkpoints: models on disk, as transformers writes them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>

#include <garage/export.hpp>
#include <garage/model.hpp>

namespace garage {

// Opens a folder (config.json with model.safetensors, or with the shards that model.safetensors.index.json
// lists; the index wins where both stand), or a single .safetensors file or TorchScript file (torch.jit.save), with
// the config.json beside it, if there is one. Reads the config, the index and the headers; of a weight no byte is
// read, and nothing of a TorchScript file is run.
//
// Ensures  Every shard is complete and says what the index says; a tensor is in exactly one of them.
// Throws   kNotFound (nothing there to open), kIo, kCorrupt (a file breaks its format's rules, or the index
//          and the shards disagree), kUnsupported (a quantised checkpoint; another format).
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
};

// open_checkpoint, and where each tensor's bytes lie. Throws the same.
GARAGE_API LocatedModel locate_checkpoint(const std::filesystem::path& path);

}  // namespace garage
