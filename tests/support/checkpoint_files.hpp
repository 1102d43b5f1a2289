// Writing checkpoints: whole ones from a list of tensors, and broken ones byte by byte.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <garage/model.hpp>

namespace garage::test {

// 8 bytes of length and the text: what a safetensors file begins with.
std::string safetensors_head(std::string_view header);

// A valid file of these tensors, adjacent in the given order; the data is a hole, so that it takes no room on the disk.
void write_safetensors(const std::filesystem::path& file, const std::vector<TensorInfo>& tensors,
                       const Model::Metadata& metadata = {{"format", "pt"}});

// config.json, and model.safetensors or that many shards with their index.
void write_checkpoint(const std::filesystem::path& folder, std::string_view config,
                      const std::vector<TensorInfo>& tensors, std::size_t shards = 1);

// Name, dtype and shape a line, by tabs: real-models/<id>/tensors.tsv.
std::vector<TensorInfo> read_tensor_table(const std::filesystem::path& tsv);

// What a valid checkpoint has, to be changed and written again.
std::vector<TensorInfo> tensors_of(const std::filesystem::path& checkpoint);

// How many bytes of data the tensor takes.
std::uint64_t data_size(const TensorInfo& tensor);

}  // namespace garage::test
