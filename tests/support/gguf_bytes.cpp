// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#include "gguf_bytes.hpp"

#include <algorithm>

namespace garage::test {

GgufBytes& GgufBytes::pair(std::string_view key, std::uint32_t type, const std::string& value) {
  metadata_ += text(key) + number(type) + value;
  ++pairs_;
  return *this;
}

GgufBytes& GgufBytes::tensor(std::string_view name, const std::vector<std::uint64_t>& dimensions, std::uint32_t type,
                             std::string_view data, std::optional<std::uint64_t> offset) {
  data_ = padded(data_);
  infos_ += text(name) + number(static_cast<std::uint32_t>(dimensions.size()));
  for (const auto dimension : dimensions) infos_ += number(dimension);
  infos_ += number(type) + number(offset.value_or(data_.size()));
  data_ += data;
  ++tensors_;
  return *this;
}

std::string GgufBytes::header() const {
  return "GGUF" + number(version_) + number(said_tensors_.value_or(tensors_)) + number(said_pairs_.value_or(pairs_)) +
         metadata_ + infos_;
}

std::string GgufBytes::file() const { return padded(header()) + data_; }

std::string GgufBytes::in_order(std::string bytes) const {
  if (big_endian_) std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

std::string GgufBytes::padded(std::string bytes) const {
  bytes.resize((bytes.size() + alignment_ - 1) / alignment_ * alignment_);
  return bytes;
}

}  // namespace garage::test
