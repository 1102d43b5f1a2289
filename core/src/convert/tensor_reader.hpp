// TensorReader: the numbers of a checkpoint's tensors, row by row, from its files. For those who look at each once; who
// keeps them maps the files (nn).
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <garage/checkpoint.hpp>

#include "../bytes/read_file.hpp"

namespace garage {

class TensorReader {
 public:
  explicit TensorReader(const LocatedModel& source) : source_(source) {}  // which outlives it

  // From here on that tensor is read. Requires: the source has it.
  void begin(const TensorInfo& tensor);

  bool is_encoded() const { return stored_->encoding != nullptr; }

  // Of a plain one: its bytes, row-major, from an offset within it.
  std::string bytes(std::uint64_t offset, std::uint64_t count);

  // Of any: rows (encoding.hpp), as float32. Throws kUnsupported: it holds no floating-point numbers of 32 bits or
  // less.
  void rows(std::int64_t first, std::int64_t count, float* out);

 private:
  const ReadFile& file(std::uint32_t number);

  const LocatedModel& source_;
  std::map<std::uint32_t, std::unique_ptr<ReadFile>> files_;
  const TensorInfo* tensor_ = nullptr;
  const StoredTensor* stored_ = nullptr;
  std::shared_ptr<const Encoding> encoding_;  // of a plain one, its dtype's
  std::vector<std::string> pieces_;           // of what is encoded, whole; of what lies across others, row-major
};

}  // namespace garage
