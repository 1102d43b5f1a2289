// The layout (https://github.com/huggingface/safetensors, README "Format"; src/tensor.rs decides):
//
//   8 bytes   N, unsigned, little-endian: the header's length, at most 100,000,000
//   N bytes   UTF-8 JSON, one object, perhaps padded with white space:
//               "__metadata__": {string: string}                         optional
//               NAME: {"dtype": D, "shape": [d...], "data_offsets": [begin, end]}
//   the rest  the data; offsets count from its first byte. Sorted by offset, each tensor begins where the
//             one before it ended, the first at 0, the last ends with the file: no hole, no overlap.
#include <garage/safetensors.hpp>

#include <algorithm>
#include <functional>

#include <fmt/format.h>
#include <xxhash.h>

#include <garage/error.hpp>

#include "../../bytes/read_file.hpp"
#include "../stand_in.hpp"
#include "header_events.hpp"
#include "usual_header.hpp"

namespace garage {
namespace {

// The rules for one file; every message opens with its name.
class HeaderRules {
 public:
  explicit HeaderRules(std::string file) : file_(std::move(file)) {}

  std::uint64_t header_size(const ReadFile& file) const {
    if (file.size() < 8) fail(fmt::format("has {} bytes, a safetensors file needs at least 8 bytes", file.size()));
    const auto bytes = file.read(0, 8);
    std::uint64_t size = 0;
    for (int i = 7; i >= 0; --i) size = size << 8 | static_cast<unsigned char>(bytes[i]);
    if (size > kMaxSafetensorsHeader) {
      refuse_stand_in(file.read(0, std::min<std::uint64_t>(file.size(), kStandInBytes)), file_);
      fail(fmt::format("its header says {} bytes, at most {} are allowed: it is broken, or no safetensors file", size,
                       kMaxSafetensorsHeader));
    }
    if (size > file.size() - 8)
      fail(fmt::format("its header says {} bytes, the file has {} after the length", size, file.size() - 8));
    return size;
  }

  SafetensorsEntry believe(RawEntry& raw) const {
    const auto dtype = dtype_from(*raw.dtype);
    if (!dtype)
      throw Error(Errc::kUnsupported,
                  fmt::format("{}: tensor '{}' has dtype '{}', none of the {} that this version reads", file_, raw.name,
                              *raw.dtype, kDTypeCount));
    SafetensorsEntry entry{
        {std::move(raw.name), *dtype, std::move(*raw.shape)}, raw.offsets->first, raw.offsets->second};
    check_size(entry);
    return entry;
  }

  void check_names(const std::vector<SafetensorsEntry>& entries) const {
    std::vector<std::string_view> names;
    names.reserve(entries.size());
    for (const auto& entry : entries) names.push_back(entry.tensor.name);
    const auto is_before = [](auto a, auto b) { return a < b; };
    if (std::adjacent_find(names.begin(), names.end(), std::not_fn(is_before)) == names.end()) return;
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) fail(fmt::format("tensor '{}' stands twice in the header", *twice));
  }

  // Requires: sorted by offset.
  void check_adjacent(const std::vector<SafetensorsEntry>& entries, std::uint64_t data_size) const {
    std::uint64_t end = 0;
    for (const auto& entry : entries) {
      if (entry.begin != end)
        fail(fmt::format("tensor '{}' begins at byte {} of the data, the one before it ends at {}: {}",
                         entry.tensor.name, entry.begin, end, entry.begin < end ? "they overlap" : "there is a hole"));
      end = entry.end;
    }
    if (end != data_size)
      fail(fmt::format("its tensors take {} bytes, the file has {} after the header: it is {}", end, data_size,
                       end > data_size ? "cut off" : "too long"));
  }

 private:
  [[noreturn]] void fail(const std::string& fault) const {
    throw Error(Errc::kCorrupt, fmt::format("{}: {}", file_, fault));
  }

  void check_size(const SafetensorsEntry& entry) const {
    const auto& name = entry.tensor.name;
    const auto& shape = entry.tensor.shape;
    const auto text = [&] {
      return fmt::format("[{}]", fmt::join(std::vector<std::uint64_t>(shape.begin(), shape.end()), ", "));
    };
    std::uint64_t size_in_bits = static_cast<std::uint64_t>(bits(entry.tensor.dtype));
    bool fits = true;
    for (const auto dim : shape) {
      fits = fits && dim >= 0;  // see RawEntry
      fits = fits && !__builtin_mul_overflow(size_in_bits, dim, &size_in_bits);
    }
    if (!fits) fail(fmt::format("tensor '{}' has shape {}, whose size overflows 64 bits", name, text()));
    if (size_in_bits % 8 != 0)
      fail(fmt::format("tensor '{}' has shape {} of {}: {} bits, which is no whole number of bytes", name, text(),
                       to_string(entry.tensor.dtype), size_in_bits));
    if (entry.end < entry.begin)
      fail(
          fmt::format("tensor '{}' has data_offsets [{}, {}]: it ends before it begins", name, entry.begin, entry.end));
    if (entry.end - entry.begin != size_in_bits / 8)
      fail(fmt::format("tensor '{}' of shape {} needs {} bytes, its data_offsets hold {}", name, text(),
                       size_in_bits / 8, entry.end - entry.begin));
  }

  std::string file_;
};

// RFC 3629. Boost.JSON checks its strings; this also refuses what stands between them.
void require_header_text(std::string_view text, const std::string& file) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first != text.npos && text[first] != '{')
    throw Error(Errc::kCorrupt, fmt::format("{}: its header is no JSON object: it begins with byte 0x{:02x}", file,
                                            static_cast<unsigned char>(text[first])));
}

HeaderText header_text(const std::string& text, const std::filesystem::path& path) {
  if (auto usual = read_usual_header(text)) return std::move(*usual);
  require_header_text(text, path.string());
  auto events = read_json_events<HeaderEvents>(text, path.string() + ": header", path.native(), text.size());
  return {std::move(events.entries), std::move(events.metadata)};
}

}  // namespace

SafetensorsHeader read_safetensors_header(const std::filesystem::path& path) {
  const ReadFile file(path);
  const HeaderRules rules(path.string());
  const auto text = file.read(8, rules.header_size(file));
  auto raw_header = header_text(text, path);

  SafetensorsHeader header;
  header.file_size = file.size();
  header.data_begin = 8 + text.size();
  header.digest = XXH3_64bits(text.data(), text.size());
  header.entries.reserve(raw_header.entries.size());
  for (auto& raw : raw_header.entries) header.entries.push_back(rules.believe(raw));
  rules.check_names(header.entries);
  const auto by_offsets = [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  };
  if (!std::is_sorted(header.entries.begin(), header.entries.end(), by_offsets))
    std::sort(header.entries.begin(), header.entries.end(), by_offsets);
  rules.check_adjacent(header.entries, header.file_size - header.data_begin);
  for (auto& [key, value] : raw_header.metadata)
    if (!header.metadata.emplace(key, std::move(value)).second)
      throw Error(Errc::kCorrupt, fmt::format("{}: __metadata__ has '{}' twice", path.string(), key));
  return header;
}

}  // namespace garage
