// The layout (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), all numbers little-endian, or all big-endian:
//
//   4 bytes  "GGUF"
//   uint32   the version: 2 or 3, which differ in nothing that is read here. One of which only the upper half is set
//            stands in a file of the other order
//   uint64   how many tensors
//   uint64   how many pairs of metadata
//            the pairs (metadata.cpp), then the tensors (tensor_infos.cpp)
//            zeros up to the next multiple of general.alignment, 32 where the metadata has none
//            the data, each tensor's bytes and zeros up to the next multiple
#include "gguf_file.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../stand_in.hpp"
#include "tensor_infos.hpp"

namespace garage {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr std::uint64_t kDefaultAlignment = 32, kLeastFile = 24;  // bytes

void require_magic(const ReadFile& file, const std::string& subject) {
  const auto begin = file.read(0, std::min<std::uint64_t>(file.size(), kStandInBytes));
  if (is_gguf(begin)) return;
  if (begin.size() < kMagic.size())
    throw Error(Errc::kCorrupt,
                fmt::format("{}: has {} bytes, a GGUF file needs at least {}", subject, begin.size(), kLeastFile));
  refuse_stand_in(begin, subject);
  const auto magic = std::string_view(begin).substr(0, kMagic.size());
  for (const auto* old : {"lmgg", "fmgg", "tjgg", "algg"})  // llama.cpp read these until August 2023
    if (magic == old)
      throw Error(
          Errc::kUnsupported,
          fmt::format("{}: is a file of ggml's from before GGUF, which nobody reads any more: convert the model anew",
                      subject));
  throw Error(Errc::kCorrupt, fmt::format("{}: begins with the bytes {:02x}, a GGUF file with {:02x}, 'GGUF'", subject,
                                          fmt::join(std::vector<std::uint8_t>(magic.begin(), magic.end()), " "),
                                          fmt::join(std::vector<std::uint8_t>(kMagic.begin(), kMagic.end()), " ")));
}

std::uint32_t read_version(HeaderCursor& cursor, const std::string& subject) {
  auto version = cursor.number<std::uint32_t>("its version");
  if (version != 0 && (version & 0xffff) == 0) {
    cursor.big_endian = true;
    version = __builtin_bswap32(version);
  }
  if (version != 2 && version != 3)
    throw Error(Errc::kUnsupported, fmt::format("{}: is of GGUF's version {}, and 2 and 3 are read{}", subject, version,
                                                version == 1 ? ", here and by llama.cpp: convert the model anew" : ""));
  return version;
}

// How many of something a file says to have: no more than it has room for, and than anybody has a use for.
struct Kind {
  const char* name;
  std::uint64_t least, most;  // bytes that one takes; of them
};
constexpr Kind kPairs{"pairs of metadata", 14, 1 << 16}, kTensors{"tensors", 25, 1 << 20};

std::uint64_t checked(const HeaderCursor& cursor, std::uint64_t count, const Kind& kind) {
  const auto room = cursor.left() / kind.least;
  if (count > room)
    cursor.fail(fmt::format("says {} {}, the {} bytes that the file has left hold {} at most: it is cut off, or broken",
                            count, kind.name, cursor.left(), room));
  if (count > kind.most) cursor.fail(fmt::format("says {} {}, at most {} are read", count, kind.name, kind.most));
  return count;
}

std::uint32_t alignment_of(const HeaderCursor& cursor, const GgufMetadata& metadata) {
  const auto found = metadata.find(kGgufAlignment);
  const auto alignment = found == metadata.end() ? kDefaultAlignment : std::get<std::uint64_t>(found->second);
  if (!std::has_single_bit(alignment))
    cursor.fail(fmt::format("metadata '{}' is {}, should be a power of two", kGgufAlignment, alignment));
  return static_cast<std::uint32_t>(alignment);
}

}  // namespace

bool is_gguf(std::string_view begin) noexcept { return begin.starts_with(kMagic); }

GgufFile read_gguf_file(const std::filesystem::path& path) {
  const auto subject = path.string();
  const ReadFile bytes(path);
  require_magic(bytes, subject);
  HeaderCursor cursor(bytes, subject);
  cursor.skip(kMagic.size(), "its begin");

  GgufFile file;
  file.file_size = bytes.size();
  file.version = read_version(cursor, subject);
  file.big_endian = cursor.big_endian;
  const auto tensors = cursor.number<std::uint64_t>("the count of its tensors");
  const auto pairs = cursor.number<std::uint64_t>("the count of its metadata");
  file.metadata = read_gguf_metadata(cursor, checked(cursor, pairs, kPairs));
  file.alignment = alignment_of(cursor, file.metadata);
  file.tensors = read_gguf_tensors(cursor, subject, checked(cursor, tensors, kTensors));
  file.data_begin = padded(cursor.at(), file.alignment);
  place_gguf_tensors(cursor, file);
  file.digest = cursor.digest();
  return file;
}

}  // namespace garage
