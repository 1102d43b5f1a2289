#include "checkpoint_files.hpp"

#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include <garage/checkpoint.hpp>
#include <garage/json_writer.hpp>

#include "temporary_folder.hpp"

namespace garage::test {

namespace fs = std::filesystem;

std::uint64_t data_size(const TensorInfo& tensor) {
  return static_cast<std::uint64_t>(tensor.elements()) * static_cast<std::uint64_t>(bits(tensor.dtype)) / 8;
}

std::string safetensors_head(std::string_view header) {
  std::string head;
  for (int i = 0; i < 8; ++i) head += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return head + std::string(header);
}

void write_safetensors(const fs::path& file, const std::vector<TensorInfo>& tensors, const Model::Metadata& metadata) {
  JsonWriter out;
  out.begin_object();
  if (!metadata.empty()) write_member(out, "__metadata__", metadata);
  std::uint64_t end = 0;
  for (const auto& tensor : tensors) {
    const auto begin = end;
    end += data_size(tensor);
    out.key(tensor.name);
    out.begin_object();
    write_member(out, "dtype", to_string(tensor.dtype));
    write_member(out, "shape", tensor.shape);
    write_member(out, "data_offsets", std::vector{begin, end});
    out.end_object();
  }
  out.end_object();
  auto header = out.take();
  while (header.size() % 8 != 0) header += ' ';
  write_text(file, safetensors_head(header));
  fs::resize_file(file, 8 + header.size() + end);
}

void write_checkpoint(const fs::path& folder, std::string_view config, const std::vector<TensorInfo>& tensors,
                      std::size_t shards) {
  write_text(folder / "config.json", config);
  if (shards == 1) return write_safetensors(folder / "model.safetensors", tensors);
  JsonWriter index;
  index.begin_object();
  index.key("weight_map");
  index.begin_object();
  std::uint64_t total = 0;
  for (std::size_t shard = 0; shard < shards; ++shard) {
    const auto name = fmt::format("model-{:05}-of-{:05}.safetensors", shard + 1, shards);
    const auto at = [&](std::size_t i) {
      return tensors.begin() + static_cast<std::ptrdiff_t>(tensors.size() * i / shards);
    };
    const std::vector<TensorInfo> own(at(shard), at(shard + 1));
    write_safetensors(folder / name, own);
    for (const auto& tensor : own) {
      write_member(index, tensor.name, name);
      total += data_size(tensor);
    }
  }
  index.end_object();
  index.key("metadata");
  index.begin_object();
  write_member(index, "total_size", total);
  index.end_object();
  index.end_object();
  write_text(folder / "model.safetensors.index.json", index.take());
}

std::vector<TensorInfo> read_tensor_table(const fs::path& tsv) {
  std::vector<TensorInfo> tensors;
  std::ifstream in(tsv);
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string name, dtype, shape, dim;
    std::getline(fields, name, '\t');
    std::getline(fields, dtype, '\t');
    std::getline(fields, shape);
    TensorInfo tensor{name, dtype_from(dtype).value(), {}};
    std::istringstream dims(shape);
    while (std::getline(dims, dim, ',')) tensor.shape.push_back(std::stoll(dim));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

std::vector<TensorInfo> tensors_of(const fs::path& checkpoint) { return open_checkpoint(checkpoint).tensors(); }

}  // namespace garage::test
