// Checks of a plugin that need LibTorch, beside those of the conformance kit: each in a process of its own.
#pragma once

#include <filesystem>
#include <vector>

#include <garage/conformance.hpp>
#include <garage/nn/reference.hpp>

namespace garage::cli {

inline constexpr double kReferenceTolerance = 1e-5;  // of the largest value, as between two orders of float32 sums

// What the checks are about.
struct CheckedPlugin {
  std::filesystem::path file;
  std::vector<std::filesystem::path> models;      // of its own families
  std::vector<std::filesystem::path> references;  // what transformers computed of each, in their order
  double tolerance = kReferenceTolerance;
};

struct NnResult {
  conformance::Result result;
  std::vector<nn::ReferenceComparison> comparisons;  // one a reference, of the check that compares
};

std::vector<conformance::CheckInfo> list_nn_checks();
NnResult run_nn_check(const std::string& id, const CheckedPlugin& plugin);

}  // namespace garage::cli
