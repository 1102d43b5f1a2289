// How compressed-tensors quantises the weights of a group of modules: a part of config_groups.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace garage {

class Settings;

struct Scheme {
  enum class Strategy { kTensor, kChannel, kGroup, kBlock };

  std::string group;  // "group_0"
  int bits = 8;       // 1 to 8
  bool is_float = false;
  bool has_zeros = false;
  Strategy strategy = Strategy::kTensor;
  std::int64_t group_size = 0;                     // columns; of kGroup
  std::int64_t block_rows = 0, block_columns = 0;  // of kBlock

  // "group_0: int4, group of 128".
  std::string text() const;
};

// Of all groups whose weights are quantised. Throws kCorrupt, kUnsupported.
std::vector<Scheme> schemes_of(const Settings& settings);

}  // namespace garage
