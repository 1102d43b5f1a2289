// TensorReader: the numbers of one tensor of a checkpoint, row by row, from its files. For those who look at each once;
// who keeps them maps the files (nn).
//
// Threads  Const once made; members may be called from several threads at once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <garage/checkpoint.hpp>

#include "../bytes/read_file.hpp"

namespace garage {

class TensorReader {
 public:
  // Both outlive it. In memory are the stored bytes of a tensor that is encoded or lies across others, and none of any
  // other. Requires: the source has the tensor. Throws kIo.
  TensorReader(const LocatedModel& source, const TensorInfo& tensor);

  // Its bytes one after another, in its dtype; where they lie in a file so, that is the place.
  bool is_plain() const noexcept { return !stored_.encoding; }
  struct Place {
    const ReadFile* file;
    std::uint64_t offset;
  };
  std::optional<Place> place() const;

  // Of a plain one: its bytes, row-major, from an offset within it.
  std::string bytes(std::uint64_t offset, std::uint64_t count) const;

  // Whether its rows lie in a file one after another. All of another's are in memory, or decoded, before one is known:
  // it is for one thread, and better asked for many numbers at once.
  static bool is_row_major(const StoredTensor& stored) noexcept { return !stored.encoding && stored.strides.empty(); }
  static constexpr std::int64_t kManyNumbers = 1 << 22;

  // Of any: rows (encoding.hpp), as float32, of float64 the nearest. Throws kUnsupported: it holds no floating-point
  // numbers.
  void rows(std::int64_t first, std::int64_t count, float* out) const;

 private:
  void decode(std::int64_t first, std::int64_t count, float* out) const;

  const LocatedModel& source_;
  const TensorInfo& tensor_;
  const StoredTensor& stored_;
  std::map<std::uint32_t, std::unique_ptr<ReadFile>> files_;
  std::shared_ptr<const Encoding> numbers_;  // the encoding, or that of the tensor's dtype
  std::vector<std::string> pieces_;          // of what is encoded, whole; of what lies across others, row-major
};

}  // namespace garage
