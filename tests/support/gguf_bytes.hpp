// GGUF files by hand: sound ones, and broken ones byte by byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace garage::test {

class GgufBytes {
 public:
  // The types of the format that values are written as.
  static constexpr std::uint32_t kUint8 = 0, kInt8 = 1, kUint16 = 2, kInt16 = 3, kUint32 = 4, kInt32 = 5, kFloat32 = 6,
                                 kBool = 7, kText = 8, kArray = 9, kUint64 = 10, kInt64 = 11, kFloat64 = 12;

  explicit GgufBytes(bool big_endian = false) : big_endian_(big_endian) {}

  // --- pieces, in the byte order of the file
  template <class T>
  std::string number(T number) const {
    return in_order({reinterpret_cast<const char*>(&number), sizeof number});
  }
  std::string text(std::string_view text) const { return number(std::uint64_t{text.size()}) + std::string(text); }
  // What an array of so many says before its elements.
  std::string array(std::uint32_t type, std::uint64_t count) const { return number(type) + number(count); }

  // --- the file; each adds to it. value: as the file has it
  GgufBytes& pair(std::string_view key, std::uint32_t type, const std::string& value);
  GgufBytes& pair(std::string_view key, std::string_view value) { return pair(key, kText, text(value)); }
  GgufBytes& pair(std::string_view key, const char* value) { return pair(key, std::string_view(value)); }
  GgufBytes& pair(std::string_view key, std::uint32_t value) { return pair(key, kUint32, number(value)); }
  GgufBytes& pair(std::string_view key, float value) { return pair(key, kFloat32, number(value)); }
  GgufBytes& pair(std::string_view key, bool value) { return pair(key, kBool, number(value)); }
  // dimensions: as the file has them, the one whose numbers are neighbours first. offset: instead of the next one.
  GgufBytes& tensor(std::string_view name, const std::vector<std::uint64_t>& dimensions, std::uint32_t type,
                    std::string_view data, std::optional<std::uint64_t> offset = {});

  // What it says instead of what it has.
  GgufBytes& version(std::uint32_t version) { return version_ = version, *this; }
  GgufBytes& alignment(std::uint32_t bytes) { return alignment_ = bytes, pair("general.alignment", bytes); }
  GgufBytes& tensors(std::uint64_t count) { return said_tensors_ = count, *this; }
  GgufBytes& pairs(std::uint64_t count) { return said_pairs_ = count, *this; }

  std::string header() const;  // without padding
  std::string file() const;

 private:
  std::string in_order(std::string bytes) const;
  std::string padded(std::string bytes) const;

  bool big_endian_;
  std::uint32_t version_ = 3, alignment_ = 32;
  std::uint64_t tensors_ = 0, pairs_ = 0;
  std::optional<std::uint64_t> said_tensors_, said_pairs_;
  std::string metadata_, infos_, data_;
};

}  // namespace garage::test
