// karcher: the models' mean on the sphere, all alike, times their mean length: each whole tensor a vector.
//
// Found as in Karcher, "Riemannian center of mass and mollifier smoothing" (1977), by steps of m <- exp_m(mean of
// log_m(u)), with log_m(u) = theta / sin(theta) * (u - cos(theta) m) and cos(theta) = u m, at most `max_iter` of them
// and until one is shorter than `tol`. All that happens does so in the vectors' span, so m is kept as what each vector
// is multiplied with, and their dot products are all that is asked of the numbers.
//
// As mergekit has it: a model alone is returned as it is; vectors no longer than `tol` have no direction, and count in
// the mean length alone. One opposite to the mean pulls to no side: every way to it is as short.
#include "described_method.hpp"
#include "gram.hpp"
#include "inputs.hpp"
#include "method_list.hpp"
#include "weighted_sum.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

namespace garage {
namespace {

constexpr MergeParameter kParameters[] = {{"max_iter", false, 10}, {"tol", false, 1e-5}};

// The mean of unit vectors: how much of each makes it up. A vector of share 0 takes no part.
class SphereMean {
 public:
  SphereMean(const Gram& gram, std::vector<double> shares, double tol)
      : gram_(gram), shares_(std::move(shares)), tol_(tol), mean_(shares_) {
    for (std::size_t i = 0; i < mean_.size(); ++i) mean_[i] = shares_[i] > 0 ? shares_[i] / gram_.length(i) : 0;
    const auto length = length_of_sum(gram_, mean_);
    if (length < tol_) {  // they cancel each other: the first is as good as any
      const auto first = std::find_if(mean_.begin(), mean_.end(), [](double part) { return part > 0; });
      const auto at = static_cast<std::size_t>(first - mean_.begin());
      std::fill(mean_.begin(), mean_.end(), 0.0);
      mean_[at] = 1 / gram_.length(at);
    } else {
      for (auto& part : mean_) part /= length;
    }
  }

  // Whether it went anywhere.
  bool step() {
    const auto tangent = tangent_at_mean();
    const auto length = length_of_sum(gram_, tangent);
    if (length < tol_) return false;
    for (std::size_t i = 0; i < mean_.size(); ++i)
      mean_[i] = std::cos(length) * mean_[i] + std::sin(length) / length * tangent[i];
    const auto rounded = length_of_sum(gram_, mean_);
    for (auto& part : mean_) part /= rounded;
    return true;
  }

  const std::vector<double>& factors() const noexcept { return mean_; }  // of the vectors at their own lengths

 private:
  std::vector<double> tangent_at_mean() const {
    std::vector<double> tangent(mean_.size());
    double along_mean = 0;
    for (std::size_t i = 0; i < mean_.size(); ++i) {
      if (shares_[i] == 0) continue;
      double cosine = 0;
      for (std::size_t j = 0; j < mean_.size(); ++j) cosine += mean_[j] * gram_.dot(i, j) / gram_.length(i);
      cosine = std::clamp(cosine, -1.0, 1.0);
      const auto angle = std::acos(cosine);
      if (angle < tol_ || angle > std::numbers::pi - tol_) continue;
      const auto pull = shares_[i] * angle / std::sin(angle);
      tangent[i] += pull / gram_.length(i);
      along_mean += pull * cosine;
    }
    for (std::size_t i = 0; i < mean_.size(); ++i) tangent[i] -= along_mean * mean_[i];
    return tangent;
  }

  const Gram& gram_;
  std::vector<double> shares_;
  double tol_;
  std::vector<double> mean_;
};

int steps_of(const TaskParameters& said) {
  constexpr Bounds kSteps{0, 1e6, "a whole number from 0 to 1000000"};
  const auto steps = said.shared("max_iter", kSteps);
  if (steps != std::floor(steps)) said.refuse(fmt::format("'max_iter' is {}, it has to be {}", steps, kSteps.words));
  return static_cast<int>(steps);
}

std::vector<double> factors_of(const Gram& gram, int max_iter, double tol) {
  const auto models = static_cast<double>(gram.size());
  std::vector<double> shares(gram.size());
  double length = 0, directed = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    length += gram.length(i) / models;
    shares[i] = gram.length(i) > tol ? 1 : 0;
    directed += shares[i];
  }
  if (directed == 0) return shares;
  for (auto& share : shares) share /= directed;
  SphereMean mean(gram, shares, tol);
  for (int step = 0; step < max_iter && mean.step(); ++step) {}
  auto factors = mean.factors();
  for (auto& factor : factors) factor *= length;
  return factors;
}

class Karcher : public DescribedMethod {
 public:
  Karcher() : DescribedMethod({.name = "karcher", .parameters = kParameters}) {}

 private:
  PieceMerge prepare(const MergeTask& task, const TaskParameters& said, const MergePieces& pieces) const override {
    const auto models = listed_models(task);
    const auto steps = steps_of(said);
    const auto tol = said.shared("tol", kAboveZero);
    if (models.size() == 1) return weighted(models, {1.0});
    return weighted(models, factors_of(Gram(pieces, models, std::nullopt), steps, tol));
  }
};

}  // namespace

const MergeMethod& karcher_method() {
  static const Karcher method;
  return method;
}

}  // namespace garage
