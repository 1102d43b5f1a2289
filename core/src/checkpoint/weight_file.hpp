// WeightFile: what one file of weights says, and shards: what several say together. All formats are read by way of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "contents.hpp"

namespace garage {

struct WeightFile {
  std::filesystem::path path;
  std::vector<Contents::Tensor> tensors;  // whose extents all lie in this file, whatever number they say
  Model::Metadata metadata;
  std::vector<std::string> second_names;  // that an index lists beside the tensors' own
  std::string identity;                   // all that was read of it, or what stands for that: for a fingerprint

  // Adds to the identity, as a fingerprint would be given it.
  void identify(std::uint64_t number) { identity.append(reinterpret_cast<const char*>(&number), sizeof number); }
  void identify(std::string_view text) {
    identify(text.size());
    identity += text;
  }
};

using ReadWeightFile = WeightFile (*)(const std::filesystem::path& file);

void add_weight_file(Contents& contents, WeightFile file);

// All shards that an index beside them lists, each read by read. Throws as open_checkpoint.
void add_shards(Contents& contents, const std::filesystem::path& index, ReadWeightFile read);

}  // namespace garage
