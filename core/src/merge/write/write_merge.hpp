// What a plan says, written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "../plan/plan.hpp"

namespace garage {

struct WriteOptions {
  std::uint64_t shard_size;
  bool resume;
  std::function<void(std::uint64_t done, std::uint64_t of)> progress;
};

// As Merge::write.
std::vector<std::filesystem::path> write_merge(const MergePlan& plan, const std::filesystem::path& folder,
                                               const WriteOptions& options);

}  // namespace garage
