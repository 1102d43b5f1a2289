// sce: select, calculate, erase: arXiv:2408.07990, section 3.3. Of the places where the task vectors differ, the share
// `select_topk` in which they do so most (by variance over the models; of equal ones the first) stay; each model's
// weight is its share of the mean squares of what stayed; then TIES' election of signs, and the weighted mean of those
// that agree.
//
// As mergekit has it: mean squares that add up to less than 1e-6 mean equal weights, and the mean is divided by 1e-6 at
// least.
#include "described_method.hpp"
#include "inputs.hpp"
#include "method_list.hpp"
#include "sign_consensus.hpp"
#include "top_k.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace garage {
namespace {

constexpr MergeParameter kParameters[] = {{"int8_mask", false, 0}, {"select_topk", false, 1}};
constexpr double kNothing = 1e-6;

float variance_at(std::span<const std::vector<float>> deltas, std::size_t i) {
  const auto models = static_cast<double>(deltas.size());
  double mean = 0, variance = 0;
  for (const auto& delta : deltas) mean += delta[i] / models;
  for (const auto& delta : deltas) variance += (delta[i] - mean) * (delta[i] - mean) / models;
  return static_cast<float>(variance);
}

void select(std::span<std::vector<float>> deltas, double share) {
  std::vector<float> variances(deltas.front().size());
  for (std::size_t i = 0; i < variances.size(); ++i) variances[i] = variance_at(deltas, i);
  const auto varying =
      variances.size() - static_cast<std::size_t>(std::count(variances.begin(), variances.end(), 0.0F));
  // In float32, as mergekit counts: 0.29 of 100 are 29, where doubles make 28 of it.
  auto widest =
      TopK::largest(variances, static_cast<std::size_t>(static_cast<float>(varying) * static_cast<float>(share)));
  for (std::size_t i = 0; i < variances.size(); ++i) {
    const auto stays = static_cast<float>(widest.takes(variances[i]));
    for (auto& delta : deltas) delta[i] *= stays;
  }
}

std::vector<float> weights_of(std::span<const std::vector<float>> deltas) {
  std::vector<double> squares;
  for (const auto& delta : deltas) {
    const auto sum = std::inner_product(delta.begin(), delta.end(), delta.begin(), 0.0, std::plus<>(),
                                        [](double a, double b) { return a * b; });
    squares.push_back(sum / static_cast<double>(delta.size()));
  }
  const auto sum = std::accumulate(squares.begin(), squares.end(), 0.0);
  std::vector<float> weights;
  for (const auto square : squares)
    weights.push_back(static_cast<float>(sum < kNothing ? 1 / static_cast<double>(squares.size()) : square / sum));
  return weights;
}

class Sce : public DescribedMethod {
 public:
  Sce() : DescribedMethod({.name = "sce", .parameters = kParameters, .base = MergeBase::required, .least = 0}) {}

 private:
  void merge_numbers(const MergeTask& task, const TaskParameters& said, std::span<float> out) const override {
    const auto base = base_numbers(task);
    const auto share = said.shared("select_topk", kShare);
    std::copy(base.begin(), base.end(), out.begin());
    std::vector<std::vector<float>> deltas;
    for (const auto model : models_beside_base(task)) deltas.push_back(task_vector(task.models[model].numbers, base));
    if (deltas.empty()) return;
    if (share < 1) select(deltas, share);
    const auto weights = weights_of(deltas);
    erase_minorities(deltas);
    const auto divisors = agreeing_weights(deltas, weights);
    for (std::size_t model = 0; model < deltas.size(); ++model)
      for (std::size_t i = 0; i < out.size(); ++i)
        out[i] += deltas[model][i] * weights[model] / std::max(divisors[i], static_cast<float>(kNothing));
  }
};

}  // namespace

const MergeMethod& sce_method() {
  static const Sce method;
  return method;
}

}  // namespace garage
