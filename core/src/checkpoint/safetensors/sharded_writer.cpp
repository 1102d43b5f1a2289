#include "sharded_writer.hpp"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <garage/durable_file.hpp>
#include <garage/encoding.hpp>
#include <garage/json_writer.hpp>

#include "../../process/in_parallel.hpp"
#include "../checkpoint_files.hpp"
#include "safetensors_writer.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

// Rows of one tensor, which one thread writes.
struct Piece {
  const TensorInfo* tensor;
  std::uint64_t offset;  // in the file
  std::int64_t first, count;
};

std::vector<Piece> pieces_of(const TensorInfo& tensor, std::uint64_t offset, std::int64_t at_once) {
  std::vector<Piece> pieces;
  const auto rows = tensor.elements() == 0 ? 0 : rows_of(tensor.shape).count;
  for (std::int64_t first = 0; first < rows; first += at_once)
    pieces.push_back({&tensor, offset + safetensors_size(tensor, first), first, std::min(at_once, rows - first)});
  return pieces;
}

}  // namespace

std::size_t ShardedWriter::threads() noexcept { return std::max(1U, std::thread::hardware_concurrency()) + 1; }

ShardedWriter::ShardedWriter(std::vector<TensorInfo> tensors, std::uint64_t shard_size) : tensors_(std::move(tensors)) {
  std::sort(tensors_.begin(), tensors_.end(), comes_first);
  for (const auto& tensor : tensors_) bytes_ += safetensors_size(tensor);
  split(shard_size);
}

void ShardedWriter::split(std::uint64_t shard_size) {
  shards_.emplace_back();
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const auto own = safetensors_size(tensors_[i]);
    if (shards_.back().end > shards_.back().first && (own > shard_size || size > shard_size - own)) {
      shards_.push_back({i, i, {}});
      size = 0;
    }
    shards_.back().end = i + 1;
    size += own;
  }
  for (std::size_t i = 0; i < shards_.size(); ++i)
    shards_[i].name = shards_.size() == 1 ? std::string(kSingleName)
                                          : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards_.size());
}

std::vector<fs::path> ShardedWriter::write(const fs::path& folder, const Work& work) const {
  std::vector<fs::path> files;
  std::uint64_t done = 0;
  for (const auto& shard : shards_) {
    files.push_back(folder / shard.name);
    write_shard(files.back(), shard, work, done);
  }
  if (shards_.size() > 1) write_index(folder / kIndexName);
  return files;
}

void ShardedWriter::write_shard(const fs::path& file, const Shard& shard, const Work& work, std::uint64_t& done) const {
  std::vector<const TensorInfo*> infos;
  for (auto i = shard.first; i < shard.end; ++i) infos.push_back(&tensors_[i]);
  const auto head = safetensors_head(infos, metadata_of(shard, work));
  std::vector<Piece> pieces;
  std::uint64_t end = head.size();
  for (const auto* tensor : infos) {
    for (auto& piece : pieces_of(*tensor, end, work.rows_at_once(*tensor))) pieces.push_back(piece);
    end += safetensors_size(*tensor);
  }
  std::mutex mutex;  // guards done
  const auto report = [&](std::uint64_t bytes) {
    const std::lock_guard lock(mutex);
    done += bytes;
    if (work.progress) work.progress(done, bytes_);
  };
  std::error_code code;
  if (work.keeps_files && fs::exists(file, code)) return report(end - head.size());
  NewFile fresh(file);
  fresh.make_room(end);
  fresh.write_at(0, head);
  const auto write_piece = [&](std::size_t i) {
    const auto& [tensor, offset, first, count] = pieces[i];
    NewRange range(fresh, offset);
    work.fill(*tensor, first, count, range);
    range.flush();
    report(safetensors_size(*tensor, count));
  };
  in_parallel(pieces.size(), 1, write_piece, threads());
  fresh.rename_into_place();
}

// transformers reads files alone that say for which library they are.
Model::Metadata ShardedWriter::metadata_of(const Shard& shard, const Work& work) const {
  Model::Metadata metadata{{"format", "pt"}};
  for (const auto& [left_out, kept] : work.kept_for)
    for (auto i = shard.first; i < shard.end; ++i)
      if (tensors_[i].name == kept) metadata[left_out] = kept;
  return metadata;
}

void ShardedWriter::write_index(const fs::path& file) const {
  JsonWriter out(2);
  out.begin_object();
  out.key("metadata");
  out.begin_object();
  write_member(out, "total_size", bytes_);
  out.end_object();
  out.key("weight_map");
  out.begin_object();
  for (const auto& shard : shards_)
    for (auto i = shard.first; i < shard.end; ++i) write_member(out, tensors_[i].name, shard.name);
  out.end_object();
  out.end_object();
  write_durably(file, {out.take(), "\n"});
}

}  // namespace garage
