// The nearest matrix of a low rank, by singular value decomposition.
#pragma once

#include <cstdint>
#include <optional>

#include <torch/types.h>

namespace garage::nn {

struct LowRankFactors {
  torch::Tensor b, a;  // [rows, rank] and [rank, columns]: U sqrt(S) and sqrt(S) V^T, float32, row-major
  double norm = 0;     // of the matrix: the root of the sum of its squares
  double kept = 0;     // the share of that sum which b a has

  std::int64_t rank() const { return a.size(0); }
};

// most: the largest rank, from 1; energy: of these the smallest rank that keeps this share, where there is one.
// The matrix is float32, finite and not 0; it is overwritten. The same matrix gives the same factors.
LowRankFactors low_rank_factors(torch::Tensor matrix, std::int64_t most, std::optional<double> energy);

}  // namespace garage::nn
