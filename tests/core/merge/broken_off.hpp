// Merges that are broken off while they write.
#pragma once

#include <cstdint>
#include <filesystem>

#include <catch2/catch_test_macros.hpp>

#include <garage/merge.hpp>

namespace garage::test {

inline MergeOptions in_shards(std::uint64_t size) {
  MergeOptions options;
  options.shard_size = size;
  return options;
}

// When so many bytes are written.
inline void break_off(const Merge& merge, const std::filesystem::path& folder, std::uint64_t bytes,
                      std::uint64_t shard_size) {
  struct Stopped {};
  auto options = in_shards(shard_size);
  options.progress = [&](std::uint64_t done, std::uint64_t) {
    if (done > bytes) throw Stopped();
  };
  CHECK_THROWS_AS(merge.write(folder, options), Stopped);
}

}  // namespace garage::test
