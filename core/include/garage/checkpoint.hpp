// Checkpoints: models on disk, as transformers writes them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <garage/encoding.hpp>
#include <garage/export.hpp>
#include <garage/model.hpp>

namespace garage {

// Which of the models that a place may hold.
struct OpenOptions {
  std::optional<std::string> variant;  // of a folder whose weights are there in several: "fp16"
  std::vector<AdapterUse> adapters;    // laid over the weights, in this order
  // Where the tables lie that say what a GGUF file's names stand for: gguf/<architecture>.json in each. Nothing:
  // standard_plugin_folders. A registry's plugins have theirs (PluginHost::folders).
  std::optional<std::vector<std::filesystem::path>> tables;
};

// Opens a folder, or a single file (.safetensors, torch.save's, TorchScript, GGUF) with the config.json beside it, if
// there is one. Of a folder the weights are, as transformers has it, what the config's transformers_weights names, else
// model.safetensors, else the shards that model.safetensors.index.json lists, else pytorch_model.bin, else the shards
// of pytorch_model.bin.index.json; else the one variant of these that is there (model.fp16.safetensors), else the one
// GGUF file. What was passed over is in the model's notes. Reads the config, the index and the headers; of a weight no
// byte is read, and nothing of a pickle is run.
//
// Plugins see the logical model: of a quantised checkpoint the tensors that its packed ones stand for, of a GGUF file
// its family's own names.
//
// Ensures  Every shard is complete and says what the index says; a tensor is in exactly one of them.
// Throws   kNotFound (nothing there to open; a link whose target is not there), kIo, kCorrupt (a file breaks its
//          format's rules, the index and the shards disagree, an adapter is another model's), kUnsupported (another
//          format; a quantiser that is not known; a Git LFS pointer; an adapter in the place of a model; a shard or an
//          index instead of its folder), kAmbiguous (several variants). Each says what is there instead.
// Threads  Reentrant.
GARAGE_API Model open_checkpoint(const std::filesystem::path& path, const OpenOptions& options = {});

struct LocatedModel {
  Model model;
  std::unordered_map<std::string, StoredTensor> tensors;  // each, by name
  std::vector<std::filesystem::path> weight_files;        // that their bytes lie in
  // Those whose coming, going or changing may make it another model, the weights' own among them; some are not there.
  std::vector<std::filesystem::path> files;
};

// open_checkpoint, and where each tensor's bytes lie. Throws the same.
GARAGE_API LocatedModel locate_checkpoint(const std::filesystem::path& path, const OpenOptions& options = {});

}  // namespace garage
