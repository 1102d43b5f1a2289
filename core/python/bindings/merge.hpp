// Merging, with a Python function that hears of its progress.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include <pybind11/pybind11.h>

#include <garage/merge.hpp>

namespace garage::python {

struct MergeRequest {
  std::filesystem::path recipe;
  std::optional<std::filesystem::path> output;  // nothing: it is planned and checked alone
  std::uint64_t shard_size;
  bool resume;
  pybind11::object progress;  // (done, of) in bytes; None
};

// Requires: the GIL, which is released meanwhile. What progress raises, and a signal's handler meanwhile, ends the
// merge, which can be resumed.
MergeSummary merge(const ModelRegistry& registry, const MergeRequest& request);

}  // namespace garage::python
