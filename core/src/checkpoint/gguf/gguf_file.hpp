// What a GGUF file's header says: metadata and tensors, as the file spells them. What they mean is its family's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "../../encoding/ggml/ggml_types.hpp"
#include "metadata.hpp"

namespace garage {

struct GgufTensor {
  std::string name;
  const GgmlType* type = nullptr;      // never null in what was read
  std::vector<std::int64_t> shape;     // row-major, the reverse of what the file has; each at least 1; [] is a scalar
  std::uint64_t offset = 0, size = 0;  // bytes, from the file's first one; within the file
};

struct GgufFile {
  std::uint32_t version = 0;  // 2 or 3
  bool big_endian = false;
  std::uint32_t alignment = 0;  // bytes; a power of two
  GgufMetadata metadata;
  std::vector<GgufTensor> tensors;  // in the order in which they lie, each behind the one before
  std::uint64_t data_begin = 0;     // bytes: where the first one lies
  std::uint64_t file_size = 0;      // bytes
  std::uint64_t digest = 0;         // xxh3 of all bytes before data_begin, but for padding
};

// Whether a file begins as all GGUF files do. begin: its first bytes.
bool is_gguf(std::string_view begin) noexcept;

// Reads the header, and checks it as strictly as llama.cpp does.
// Throws kNotFound, kIo, kCorrupt, kUnsupported (another version; a ggml type that is not known; something else in its
// place). One file of several (split.count) is read by itself.
GgufFile read_gguf_file(const std::filesystem::path& path);

}  // namespace garage
