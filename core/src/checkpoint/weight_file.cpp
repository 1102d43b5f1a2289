#include "weight_file.hpp"

#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "shard_index.hpp"
#include "stand_in.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

// The names that an index would list of a file.
TensorNames names_in(const WeightFile& file) {
  TensorNames names;
  names.reserve(file.tensors.size() + file.second_names.size());
  for (const auto& tensor : file.tensors) names.push_back(tensor.info.name);
  for (const auto& name : file.second_names) names.push_back(name);
  return names;
}

// Some may be left out, where those before hold more than the index lists.
std::vector<WeightFile> read_each(const ShardIndex& index, const fs::path& folder, ReadWeightFile read) {
  std::vector<WeightFile> files;
  std::size_t tensors = 0;
  for (const auto& shard : index.shards) {
    if (tensors > index.weight_map.size()) break;  // some stand twice or are not listed, and check_shards says which
    try {
      files.push_back(read(folder / shard));
    } catch (const Error& error) {
      if (error.code() != Errc::kNotFound) throw;
      refuse_dangling_link(folder / shard);
      throw Error(Errc::kCorrupt, fmt::format("{}: lists shard '{}', which is not there ({} shards listed)", index.path,
                                              shard, index.shards.size()));
    }
    tensors += files.back().tensors.size();
  }
  std::vector<TensorNames> held;
  for (const auto& file : files) held.push_back(names_in(file));
  check_shards(index, held);
  return files;
}

std::uint64_t bytes_in(const std::vector<WeightFile>& files) {
  std::uint64_t bytes = 0;
  for (const auto& file : files)
    for (const auto& tensor : file.tensors)
      for (const auto& extent : tensor.stored.extents) bytes += extent.size;
  return bytes;
}

}  // namespace

void add_weight_file(Contents& contents, WeightFile file) {
  contents.fingerprint.add(file.path.filename().string());
  contents.fingerprint.add_raw(file.identity);
  const auto number = contents.add_weight_file(file.path);
  contents.files.push_back(std::move(file.path));
  if (contents.tensors.empty()) contents.tensors.reserve(file.tensors.size());
  for (auto& tensor : file.tensors) {
    for (auto& extent : tensor.stored.extents) extent.file = number;
    contents.tensors.push_back(std::move(tensor));
  }
  contents.metadata.merge(file.metadata);
}

void add_shards(Contents& contents, const fs::path& path, ReadWeightFile read) {
  const auto index = read_shard_index(path);
  auto files = read_each(index, path.parent_path(), read);
  // Of what torch.save wrote tensors may share their bytes, and the index counts them as it likes.
  const bool counts = path.filename().string().find(".safetensors.index.") != std::string::npos;
  if (const auto bytes = bytes_in(files); counts && index.total_size && *index.total_size != bytes)
    contents.notes.push_back(fmt::format("{}: says total_size {}, the shards hold {} bytes", path.filename().string(),
                                         *index.total_size, bytes));
  contents.tensors.reserve(contents.tensors.size() + index.weight_map.size());
  for (auto& file : files) add_weight_file(contents, std::move(file));
}

}  // namespace garage
