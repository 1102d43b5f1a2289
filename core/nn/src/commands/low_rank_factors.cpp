// Few singular values of a large matrix come from subspace iteration (Halko, Martinsson, Tropp, arXiv:0909.4061,
// algorithms 4.4 and 5.1): the range of M is approached by products with M and its transpose, of random vectors first,
// and within it the decomposition is small. What is lost is known, since the norm of M is.
#include "low_rank_factors.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>

namespace garage::nn {
namespace {

constexpr std::int64_t kOversampling = 16;  // vectors beyond the rank
constexpr std::int64_t kFarBelow = 3;       // from so many times the rank on, iterating is faster than the whole
constexpr std::int64_t kFirstTried = 32;    // rank, where energy decides
constexpr int kMostIterations = 30;
constexpr double kSettled = 1e-7;        // share of the squared norm that one more iteration found
constexpr double kRoundedShare = 1e-12;  // that float32 numbers cannot say
constexpr std::uint64_t kSeed = 0x6761726167655F31;

struct Decomposed {
  torch::Tensor u, s, vh;  // [rows, n], [n] in float64, [n, columns]
};

Decomposed whole(const torch::Tensor& matrix) {
  auto [u, s, vh] = at::linalg_svd(matrix.to(torch::kFloat64), false);
  return {u, s, vh};
}

torch::Tensor basis_of(const torch::Tensor& columns) { return std::get<0>(at::linalg_qr(columns)); }

double sum_of_squares(const torch::Tensor& matrix) {
  const auto norm = at::linalg_vector_norm(matrix, 2, {}, false, torch::kFloat64).item<double>();
  return norm * norm;
}

// The sum of the first `count` singular values' squares, of a matrix of few columns.
double largest_squares(const torch::Tensor& matrix, std::int64_t count) {
  const auto wide = matrix.to(torch::kFloat64);
  const auto squares = at::linalg_eigvalsh(at::matmul(wide.t(), wide));  // in ascending order
  return squares.narrow(0, squares.size(0) - count, count).sum().item<double>();
}

// The first `count`, and some that are less exact.
Decomposed leading(const torch::Tensor& matrix, std::int64_t count, double total) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(kSeed);
  auto start = at::randn({matrix.size(1), count + kOversampling}, generator, matrix.options());
  auto basis = basis_of(at::matmul(matrix, start));
  auto seen = at::matmul(matrix.t(), basis);  // [columns, n]: the matrix in that basis, turned
  auto found = largest_squares(seen, count);
  for (int i = 0; i < kMostIterations; ++i) {
    basis = basis_of(at::matmul(matrix, basis_of(seen)));
    seen = at::matmul(matrix.t(), basis);
    const auto before = std::exchange(found, largest_squares(seen, count));
    if (found - before <= kSettled * total) break;
  }
  const auto [u, s, vh] = whole(seen.t());
  return {at::matmul(basis, u.to(torch::kFloat32)), s, vh};
}

// How many of the first `most` values keep the share; 0 where all of them do not.
std::int64_t enough(const torch::Tensor& s, std::int64_t most, double share, double total) {
  const auto squares = s.narrow(0, 0, most).square().contiguous();
  const auto* numbers = squares.data_ptr<double>();
  double sum = 0;
  for (std::int64_t i = 0; i < most; ++i) {
    sum += numbers[i];
    if (sum >= (share - kRoundedShare) * total) return i + 1;
  }
  return 0;
}

LowRankFactors factors_of(const Decomposed& decomposed, std::int64_t rank, double total) {
  const auto s = decomposed.s.narrow(0, 0, rank), root = s.sqrt();
  const auto u = decomposed.u.narrow(1, 0, rank), vh = decomposed.vh.narrow(0, 0, rank);
  return {(u * root).to(torch::kFloat32).contiguous(), (vh * root.unsqueeze(1)).to(torch::kFloat32).contiguous(), 0,
          std::min(1.0, s.square().sum().item<double>() / total)};
}

LowRankFactors of_scaled(const torch::Tensor& matrix, std::int64_t most, std::optional<double> energy) {
  const auto smaller = std::min(matrix.size(0), matrix.size(1));
  most = std::min(most, smaller);
  const auto total = sum_of_squares(matrix);
  for (auto tried = energy ? std::min(most, kFirstTried) : most;; tried = std::min(most, 2 * tried)) {
    const bool is_far_below = (tried + kOversampling) * kFarBelow <= smaller;
    if (!is_far_below) tried = most;
    const auto decomposed = is_far_below ? leading(matrix, tried, total) : whole(matrix);
    const auto rank = energy ? enough(decomposed.s, tried, *energy, total) : tried;
    if (rank > 0 || tried == most) return factors_of(decomposed, rank > 0 ? rank : most, total);
  }
}

}  // namespace

LowRankFactors low_rank_factors(torch::Tensor matrix, std::int64_t most, std::optional<double> energy) {
  // Squares of small differences would be 0 in float32.
  const auto [lowest, highest] = at::aminmax(matrix);
  const auto largest = std::max(-lowest.item<double>(), highest.item<double>());
  matrix.div_(largest);
  auto factors = of_scaled(matrix, most, energy);
  const auto root = std::sqrt(largest);
  factors.a.mul_(root);
  factors.b.mul_(root);
  factors.norm = std::sqrt(sum_of_squares(matrix)) * largest;
  return factors;
}

}  // namespace garage::nn
