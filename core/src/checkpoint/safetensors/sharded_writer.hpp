// ShardedWriter: the weights of a new checkpoint, as safetensors files of a limited size and their index.
//
// Each file has its room on the disk from the beginning, tensors are written into it by several threads in any order,
// and nobody sees it before it is whole (new_file.hpp).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <garage/model.hpp>

#include "../../bytes/new_range.hpp"

namespace garage {

class ShardedWriter {
 public:
  // In the order in which they lie. shard_size: bytes of tensors, at most, in one file; a larger tensor has its own.
  ShardedWriter(std::vector<TensorInfo> tensors, std::uint64_t shard_size);

  const std::vector<TensorInfo>& tensors() const noexcept { return tensors_; }
  std::uint64_t bytes() const noexcept { return bytes_; }  // of tensors

  // How a tensor is written.
  struct Work {
    // Rows (encoding.hpp) that one call writes, at most, from 1; those of one tensor may be written by several threads.
    std::function<std::int64_t(const TensorInfo&)> rows_at_once;
    std::function<void(const TensorInfo&, std::int64_t first, std::int64_t count, NewRange&)> fill;  // their bytes
    std::function<void(std::uint64_t done, std::uint64_t of)> progress;  // bytes; by one thread at a time; may be empty
    Model::Metadata kept_for = {};  // of tensors that were left out, which of those that are written stands for each
    bool keeps_files =
        false;  // a file that is there was written by the same work before: it is kept, and counts as done
  };

  // By how many threads: one for each core, and one, since some wait for the disk while others compute.
  static std::size_t threads() noexcept;

  // The files' paths. Throws kIo, and what fill throws; then no file is there that is not whole.
  std::vector<std::filesystem::path> write(const std::filesystem::path& folder, const Work& work) const;

 private:
  struct Shard {
    std::size_t first = 0, end = 0;  // of tensors_
    std::string name;
  };

  void split(std::uint64_t shard_size);
  void write_shard(const std::filesystem::path& file, const Shard& shard, const Work& work, std::uint64_t& done) const;
  void write_index(const std::filesystem::path& file) const;
  Model::Metadata metadata_of(const Shard& shard, const Work& work) const;

  std::vector<TensorInfo> tensors_;
  std::vector<Shard> shards_;
  std::uint64_t bytes_ = 0;
};

}  // namespace garage
