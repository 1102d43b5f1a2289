// The list of tensors in a GGUF file's header.
#pragma once

#include <vector>

#include "gguf_file.hpp"

namespace garage {

// The least multiple that is as large.
constexpr std::uint64_t padded(std::uint64_t bytes, std::uint32_t alignment) noexcept {
  return (bytes + alignment - 1) / alignment * alignment;
}

// count tensors, of which the next byte is the first one's. Their offsets are from the data's first byte, as the file
// has them.
// Throws kCorrupt: cut off, a name that is empty, too long, no UTF-8 or there twice, a shape that is none, rows that
// are no whole blocks; kUnsupported: a ggml type that is not known.
std::vector<GgufTensor> read_gguf_tensors(HeaderCursor& cursor, const std::string& subject, std::uint64_t count);

// Makes of these offsets such as count from the file's first byte. Requires: file has all but its digest.
// Throws kCorrupt: not aligned, a hole, an overlap, beyond the file's end.
void place_gguf_tensors(const HeaderCursor& cursor, GgufFile& file);

}  // namespace garage
