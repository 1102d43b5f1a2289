// multislerp: the models' weighted mean direction, with their weighted mean length
// (https://goddard.blog/posts/multislerp-wow-what-a-cool-idea); with a base, of their task vectors.
//
// It is published as: go from the normalised mean m = sum(w u) / |sum(w u)| of the unit vectors u into the tangent
// space there, sum w (u - (u m) m), and back by the exponential map. That sum is |sum(w u)| m - |sum(w u)| m = 0 for
// any weights, so that what comes back is m, turned by the `eps` that stands for the tangent's length: m cos(eps).
//
// As mergekit has it: a model alone is returned as it is, and two that cancel each other are joined by a line; more
// that do so are refused. Where all are 0, which mergekit refuses too, the result is: it has length 0.
#include "described_method.hpp"
#include "gram.hpp"
#include "inputs.hpp"
#include "method_list.hpp"
#include "weighted_sum.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace garage {
namespace {

constexpr MergeParameter kParameters[] = {
    {"weight", true, std::nullopt}, {"normalize_weights", false, 1}, {"eps", false, 1e-8}};
constexpr double kRounding = 1e-7;  // of a sum of unit vectors: what lies below is the float32s' rounding

double sum_of(const std::vector<double>& numbers) { return std::accumulate(numbers.begin(), numbers.end(), 0.0); }

std::vector<double> weights_of(const std::vector<std::size_t>& models, const TaskParameters& said) {
  std::vector<double> weights;
  for (const auto model : models) weights.push_back(said.of(model, "weight"));
  if (!said.flag("normalize_weights")) return weights;
  const auto sum = sum_of(weights);
  if (std::abs(sum) < 1e-8) said.refuse("the weights add up to 0, and cannot be normalised");
  for (auto& weight : weights) weight /= sum;
  return weights;
}

// What each vector is to be multiplied with.
std::vector<double> mean_of(const Gram& gram, const std::vector<double>& weights, const TaskParameters& said) {
  const auto eps = said.shared("eps", kAboveZero);
  auto factors = weights;
  double length = 0, sharpness = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    factors[i] /= gram.length(i) + eps;
    length += weights[i] * gram.length(i);
    sharpness += std::abs(weights[i]);
  }
  const auto mean = length_of_sum(gram, factors);
  if (mean < std::max(eps, kRounding * sharpness)) {
    bool is_all_zero = true;
    for (std::size_t i = 0; i < weights.size(); ++i) is_all_zero = is_all_zero && gram.dot(i, i) == 0;
    if (weights.size() > 2 && !is_all_zero)
      said.refuse("the models point in directions that cancel each other; give them other weights");
    return weights;
  }
  for (auto& factor : factors) factor *= length * std::cos(eps) / mean;
  return factors;
}

class MultiSlerp : public DescribedMethod {
 public:
  MultiSlerp() : DescribedMethod({.name = "multislerp", .parameters = kParameters, .base = MergeBase::optional}) {}

 private:
  PieceMerge prepare(const MergeTask& task, const TaskParameters& said, const MergePieces& pieces) const override {
    auto models = models_beside_base(task);
    if (models.size() == 1) return weighted(models, {1.0});
    const auto weights = weights_of(models, said);
    auto factors = mean_of(Gram(pieces, models, task.base), weights, said);
    if (task.base) {  // base + sum(factor * (model - base))
      factors.push_back(1 - sum_of(factors));
      models.push_back(*task.base);
    }
    return weighted(std::move(models), std::move(factors));
  }
};

}  // namespace

const MergeMethod& multislerp_method() {
  static const MultiSlerp method;
  return method;
}

}  // namespace garage
