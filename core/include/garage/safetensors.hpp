// The header of a safetensors file: what is in it, and where. Of the data no byte is read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <garage/export.hpp>
#include <garage/model.hpp>

namespace garage {

struct SafetensorsEntry {
  TensorInfo tensor;
  std::uint64_t begin = 0;  // bytes, from the first byte of the data
  std::uint64_t end = 0;    // one past the last
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // in the order of the data: adjacent, from 0 to the end of the file
  Model::Metadata metadata;               // `__metadata__`
  std::uint64_t data_begin = 0;           // bytes, from the first byte of the file
  std::uint64_t file_size = 0;            // bytes
  std::uint64_t digest = 0;               // xxh3 of the header's bytes
};

// The largest header that the specification's own reader accepts, in bytes.
inline constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;

// Throws kNotFound (no such file), kIo (no regular file, unreadable), kCorrupt (breaks a rule of the format),
// kUnsupported (an element type that this version does not know). Messages name the file, the tensor and
// both numbers.
GARAGE_API SafetensorsHeader read_safetensors_header(const std::filesystem::path& file);

// One tensor to be written: its bytes are row-major, and as many as its dtype and shape say.
struct SafetensorsData {
  TensorInfo tensor;
  const void* bytes = nullptr;
};

// Writes them in the order that the specification's own writer uses (widest dtype first, then by name), the data
// aligned to 8 bytes; beside the file first, then renamed over it. Throws kIo, kInvalidArgument (a name twice).
GARAGE_API void write_safetensors(const std::filesystem::path& file, std::vector<SafetensorsData> tensors,
                                  const Model::Metadata& metadata = {});

}  // namespace garage
