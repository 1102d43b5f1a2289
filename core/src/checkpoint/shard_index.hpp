// ShardIndex: model.safetensors.index.json or pytorch_model.bin.index.json, which says which shard holds which tensor.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include <garage/name_hash.hpp>

namespace garage {

struct ShardIndex {
  using WeightMap = boost::unordered_flat_map<std::string, std::uint32_t, NameHash, std::equal_to<>>;

  std::string path;
  std::vector<std::string> shards;          // plain file names, sorted, each once
  WeightMap weight_map;                     // tensor to position in shards
  std::optional<std::uint64_t> total_size;  // bytes of data, as the index says
};

// Throws kCorrupt: no JSON, no weight_map, a tensor listed twice, a shard that is no plain file name. kUnsupported: a
// shard of another format than the index's name says; something else in the index's place.
ShardIndex read_shard_index(const std::filesystem::path& path);

// Whether a file is one of an index's shards. False also where the index cannot be read.
bool index_lists(const std::filesystem::path& index, const std::string& file);

// Throws kCorrupt unless the shards hold exactly the tensors that the index lists, each in its own shard.
// held[i] is what index.shards[i] holds; the last may be left out where those before hold more tensors than are listed.
using TensorNames = std::vector<std::string_view>;
void check_shards(const ShardIndex& index, const std::vector<TensorNames>& held);

}  // namespace garage
