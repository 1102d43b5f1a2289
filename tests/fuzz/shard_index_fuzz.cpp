// model.safetensors.index.json.
#include "checkpoint/shard_index.hpp"
#include "fuzzer.hpp"
#include "scratch_file.hpp"

void garage_fuzz(std::string_view input) {
  static const garage::fuzz::ScratchFile file("model.safetensors.index.json");
  const auto index = garage::read_shard_index(file.write(input));
  for (const auto& [tensor, shard] : index.weight_map)
    garage::fuzz::require(shard < index.shards.size(), "every tensor has a shard");
  for (const auto& shard : index.shards)
    garage::fuzz::require(shard.find('/') == shard.npos && shard != "..", "a shard lies beside its index");
}
