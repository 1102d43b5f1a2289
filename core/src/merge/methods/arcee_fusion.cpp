// arcee_fusion: the other model's number where it matters, the base's elsewhere (https://www.arcee.ai/blog/
// meet-mergekit-v0-1-arcee-fusion-expanded-model-support-multi-gpu-acceleration). A number matters by |other - base|
// times the row's divergence: KL(p || q) of p = softmax(other's row) + 1e-8 and q = softmax(base's row) + 1e-8. Those
// stay that reach the median + 1.5 * (third quartile - first quartile).
//
// A quantile is the number at its place, rounded down. Of tensors of more than a million numbers mergekit takes it from
// a random sample of a million; here it is the whole tensor's own.
#include "described_method.hpp"
#include "inputs.hpp"
#include "method_list.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace garage {
namespace {

constexpr double kProbabilityFloor = 1e-8;

std::vector<double> softmax(Numbers row) {
  const double largest = *std::max_element(row.begin(), row.end());
  std::vector<double> shares(row.size());
  double sum = 0;
  for (std::size_t i = 0; i < row.size(); ++i) sum += shares[i] = std::exp(row[i] - largest);
  for (auto& share : shares) share /= sum;
  return shares;
}

double divergence(Numbers other, Numbers base) {
  const auto p = softmax(other), q = softmax(base);
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const auto here = p[i] + kProbabilityFloor;
    sum += here * std::log(here / (q[i] + kProbabilityFloor));
  }
  return sum;
}

std::vector<float> importance(Numbers other, Numbers base, std::size_t columns) {
  std::vector<float> scores(base.size());
  for (std::size_t row = 0; row < base.size(); row += columns) {
    const auto weight = static_cast<float>(divergence(other.subspan(row, columns), base.subspan(row, columns)));
    for (auto i = row; i < row + columns; ++i) scores[i] = std::abs(other[i] - base[i]) * weight;
  }
  return scores;
}

// Reorders scores.
float threshold_of(std::vector<float> scores) {
  const auto quarter = [&](std::size_t quarters) {
    return scores.begin() + static_cast<std::ptrdiff_t>(quarters * (scores.size() - 1) / 4);
  };
  // Each from what the one before left above it.
  auto from = scores.begin();
  std::array<float, 3> found;
  for (std::size_t quarters = 1; quarters <= 3; ++quarters) {
    const auto at = quarter(quarters);
    std::nth_element(from, at, scores.end());
    found[quarters - 1] = *at;
    from = at;
  }
  return found[1] + 1.5F * (found[2] - found[0]);
}

class ArceeFusion : public DescribedMethod {
 public:
  ArceeFusion()
      : DescribedMethod(
            {.name = "arcee_fusion", .parameters = {}, .base = MergeBase::required, .least = 1, .most = 1}) {}

 private:
  void merge_numbers(const MergeTask& task, const TaskParameters& said, std::span<float> out) const override {
    const auto base = base_numbers(task), other = task.models[models_beside_base(task).front()].numbers;
    const auto scores = importance(other, base, static_cast<std::size_t>(task.shape.columns));
    if (!std::all_of(scores.begin(), scores.end(), [](float score) { return std::isfinite(score); }))
      said.refuse("the models hold infinity or NaN, which cannot be ranked");
    const auto threshold = threshold_of(scores);
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = base[i] + (other[i] - base[i]) * (scores[i] >= threshold ? 1.0F : 0.0F);
  }
};

}  // namespace

const MergeMethod& arcee_fusion_method() {
  static const ArceeFusion method;
  return method;
}

}  // namespace garage
