// HeaderEvents: the JSON of a safetensors header, field by field, before any number in it is believed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../../json/json_events.hpp"

namespace garage {

// One tensor as the header spells it. Absent fields stay empty.
struct RawEntry {
  std::string name;
  std::optional<std::string> dtype;
  std::optional<std::vector<std::int64_t>> shape;  // 2^63 and more are negative here, as nothing else is
  std::optional<std::pair<std::uint64_t, std::uint64_t>> offsets;
};

// Throws kCorrupt for a value of the wrong type and for a field or metadata key that stands twice. Fields that
// nobody knows are passed over, as the specification's own reader does. A tensor must be whole, and the metadata in
// proportion to the header, when they end: nothing is kept of what would be refused later.
class HeaderEvents : public JsonEvents<HeaderEvents> {
 public:
  HeaderEvents(std::string_view file, std::uint64_t header_size)
      : file_(file), metadata_limit_(kMetadata + header_size / 8) {}

  std::vector<RawEntry> entries;
  std::vector<std::pair<std::string, std::string>> metadata;

  void object_begin() {
    expect(Kind::kObject, "an object");
    ++depth_;
  }
  void object_end() {
    if (--depth_ == 1 && !in_metadata_) require_whole(entries.back());
  }
  void array_begin() {
    expect(Kind::kArray, "an array");
    ++depth_;
    numbers_.clear();
  }
  void array_end() {
    if (--depth_ != 2) return;
    if (field_ == Field::kShape) entries.back().shape.emplace(numbers_.begin(), numbers_.end());
    if (field_ != Field::kOffsets) return;
    if (numbers_.size() != 2)
      fail(fmt::format("tensor '{}' has {} data_offsets, should be 2", name(), numbers_.size()));
    entries.back().offsets.emplace(numbers_[0], numbers_[1]);
  }

  void key(std::string_view text) {
    if (depth_ == 1) {
      field_ = text == "__metadata__" ? Field::kMetadata : Field::kIgnored;
      if (field_ == Field::kMetadata && std::exchange(metadata_seen_, true)) fail("has '__metadata__' twice");
      if (field_ != Field::kMetadata) entries.emplace_back().name = text;
      in_metadata_ = field_ == Field::kMetadata;
    } else if (depth_ == 2 && in_metadata_) {
      spend_metadata(text.size() + kPair);
      metadata.emplace_back(text, "");
    } else if (depth_ == 2) {
      begin_field(text);
    }
  }

  void string(std::string_view text) {
    expect(Kind::kString, "a string");
    if (field_ == Field::kMetadata) {
      spend_metadata(text.size());
      metadata.back().second = text;
    }
    if (field_ == Field::kDType) entries.back().dtype = text;
  }

  void integer(std::int64_t value) {
    if (depth_ == 3 && field_ != Field::kIgnored && value < 0)
      fail(fmt::format("tensor '{}' has {} in its {}, should not be negative", name(), value, field_name()));
    unsigned_integer(static_cast<std::uint64_t>(value));
  }

  void unsigned_integer(std::uint64_t value) {
    expect(Kind::kInteger, "a number");
    if (field_ == Field::kShape || field_ == Field::kOffsets) numbers_.push_back(value);
  }

  void other(std::string_view what) { expect(Kind::kOther, what); }

 private:
  enum class Kind { kObject, kArray, kString, kInteger, kOther };
  enum class Field { kIgnored, kMetadata, kDType, kShape, kOffsets };

  // The depth of a value says what it may be: 0 the header, 1 a tensor or the metadata, 2 a field, 3 its numbers.
  void expect(Kind kind, std::string_view what) const {
    if (depth_ == 0) {
      if (kind != Kind::kObject) fail(fmt::format("the header is {}, should be an object", what));
    } else if (depth_ == 1) {
      if (kind == Kind::kObject || (in_metadata_ && what == "null")) return;  // an Option to the format's own reader
      fail(in_metadata_ ? fmt::format("__metadata__ is {}, should be an object", what)
                        : fmt::format("tensor '{}' is {}, should be an object", name(), what));
    } else if (field_ == Field::kMetadata) {
      if (kind != Kind::kString)
        fail(fmt::format("__metadata__ maps '{}' to {}, should be a string", metadata.back().first, what));
    } else if (field_ != Field::kIgnored) {
      const auto wanted = field_ == Field::kDType ? Kind::kString : depth_ == 2 ? Kind::kArray : Kind::kInteger;
      if (kind != wanted)
        fail(fmt::format("tensor '{}' has {} {} its {}, should be {}", name(), what, depth_ == 2 ? "for" : "in",
                         field_name(), field_ == Field::kDType ? "a string" : "whole numbers"));
    }
  }

  void spend_metadata(std::uint64_t bytes) {
    if ((metadata_size_ += bytes) > metadata_limit_)
      fail(fmt::format("__metadata__ has more than {} bytes, the most that are read in a header of this size",
                       metadata_limit_));
  }

  void require_whole(const RawEntry& entry) const {
    const auto* missing = !entry.dtype     ? "dtype"
                          : !entry.shape   ? "shape"
                          : !entry.offsets ? "data_offsets"
                                           : nullptr;
    if (missing) fail(fmt::format("tensor '{}' has no '{}'", name(), missing));
  }

  void begin_field(std::string_view text) {
    const auto& entry = entries.back();
    field_ = text == "dtype"          ? Field::kDType
             : text == "shape"        ? Field::kShape
             : text == "data_offsets" ? Field::kOffsets
                                      : Field::kIgnored;
    if ((field_ == Field::kDType && entry.dtype) || (field_ == Field::kShape && entry.shape) ||
        (field_ == Field::kOffsets && entry.offsets))
      fail(fmt::format("tensor '{}' has '{}' twice", name(), text));
  }

  const std::string& name() const { return entries.back().name; }
  const char* field_name() const {
    return field_ == Field::kDType ? "dtype" : field_ == Field::kShape ? "shape" : "data_offsets";
  }
  [[noreturn]] void fail(const std::string& fault) const {
    throw Error(Errc::kCorrupt, fmt::format("{}: {}", file_, fault));
  }

  // The metadata is for people (some thousand bytes) and for names of shared tensors; every plugin is handed all of it.
  static constexpr std::uint64_t kMetadata = 1 << 20, kPair = 16;  // bytes: whatever the header's size; of a pair's keeping

  std::string_view file_;
  std::uint64_t metadata_limit_, metadata_size_ = 0;
  int depth_ = 0;
  Field field_ = Field::kIgnored;
  std::vector<std::uint64_t> numbers_;  // of the array that is open
  bool in_metadata_ = false;
  bool metadata_seen_ = false;
};

}  // namespace garage
