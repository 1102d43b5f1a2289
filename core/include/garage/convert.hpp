// Converting: the same model as plain safetensors files with a config that transformers loads, whatever form it had.
//
// What is encoded is decoded, adapters are merged into the weights, a GGUF file gets the config that its metadata says.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include <garage/checkpoint.hpp>
#include <garage/dtype.hpp>
#include <garage/export.hpp>
#include <garage/registry.hpp>

namespace garage {

struct ConvertOptions {
  // F32, BF16 or F16, for all floating-point tensors: the nearest number, ties to even. Nothing: plain tensors as they
  // are stored, bit for bit, and what is decoded in F32, which holds it exactly.
  std::optional<DType> dtype;
  std::uint64_t shard_size = 5'000'000'000;  // bytes of tensors, at most, in one file; a larger tensor has its own
  std::function<void(std::uint64_t done, std::uint64_t of)> progress;  // bytes written
};

struct Converted {
  std::vector<std::filesystem::path> files;  // of weights
  std::int64_t tensors = 0;
  std::uint64_t bytes = 0;         // of tensors
  std::vector<std::string> notes;  // what was left out, and oddities of the source
};
BOOST_DESCRIBE_STRUCT(Converted, (), (files, tensors, bytes, notes))

// Writes config.json, model.safetensors (or shards and model.safetensors.index.json) and the tokenizer's files that lie
// beside the source into the folder, which is made if it is missing. Each file is whole or not there, the config comes
// last. Several threads write; in memory each has a piece of a tensor, and of an encoded one its stored bytes.
//
// Throws  as open_checkpoint; kInvalidArgument (a dtype that is none of the three; the folder is the source's, or has a
//         model in it), kUnsupported (the source has no config; a tensor that has no such numbers), kIo.
// Threads Reentrant.
GARAGE_API Converted convert_checkpoint(const std::filesystem::path& source, const OpenOptions& open,
                                        const std::filesystem::path& folder, const ConvertOptions& options = {});

// The same of a registered model, as it was registered. Throws also kNotFound, and kCorrupt when its files changed
// since.
GARAGE_API Converted convert_model(const ModelRegistry& registry, const std::string& id,
                                   const std::filesystem::path& folder, const ConvertOptions& options = {});

}  // namespace garage
