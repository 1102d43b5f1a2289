// model_stock: from the base towards the models' mean, by t = N cos / (1 + (N - 1) cos), where cos is that of the angle
// between two models as seen from the base: arXiv:2403.19522, equation 6 and appendix B. The paper has one angle; of
// more than two models it is, as mergekit has it, the mean of the cosines of all pairs. `filter_wise`: a t for each
// row.
//
// As mergekit has it: of two lengths whose product is below 1e-6, that is what the cosine is divided by; where
// 1 + (N - 1) cos is 0 to 1e-6, which leaves no finite t, the base stays as it is.
#include "described_method.hpp"
#include "gram.hpp"
#include "inputs.hpp"
#include "method_list.hpp"
#include "weighted_sum.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace garage {
namespace {

constexpr MergeParameter kParameters[] = {{"filter_wise", false, 0}};
constexpr double kNothing = 1e-6;

double mean_cosine(const Gram& offsets) {
  double sum = 0;
  std::size_t pairs = 0;
  for (std::size_t a = 0; a < offsets.size(); ++a)
    for (std::size_t b = a + 1; b < offsets.size(); ++b, ++pairs)
      sum += std::clamp(offsets.dot(a, b) / std::max(offsets.length(a) * offsets.length(b), kNothing), -1.0, 1.0);
  return sum / static_cast<double>(pairs);
}

double share_of_mean(const Gram& offsets) {
  const auto models = static_cast<double>(offsets.size()), cosine = mean_cosine(offsets);
  const auto divisor = 1 + (models - 1) * cosine;
  return std::abs(divisor) < kNothing ? 0 : models * cosine / divisor;
}

// Of the models, and behind them of the base.
std::vector<double> weights_of(const Gram& offsets) {
  const auto t = share_of_mean(offsets);
  std::vector<double> weights(offsets.size(), t / static_cast<double>(offsets.size()));
  weights.push_back(1 - t);
  return weights;
}

void merge_row(std::vector<Numbers> models, Numbers base, std::span<float> out) {
  Gram offsets(models.size());
  offsets.add(models, base);
  models.push_back(base);
  weighted_sum(models, weights_of(offsets), out);
}

PieceMerge each_row(std::vector<std::size_t> models, std::size_t base, std::size_t columns) {
  return [=, models = std::move(models)](const MergePiece& piece, std::span<float> out) {
    for (std::size_t row = 0; row < out.size(); row += columns) {
      std::vector<Numbers> parts;
      for (const auto model : models) parts.push_back(piece.models[model].subspan(row, columns));
      merge_row(std::move(parts), piece.models[base].subspan(row, columns), out.subspan(row, columns));
    }
  };
}

class ModelStock : public DescribedMethod {
 public:
  ModelStock()
      : DescribedMethod({.name = "model_stock", .parameters = kParameters, .base = MergeBase::required, .least = 2}) {}

 private:
  PieceMerge prepare(const MergeTask& task, const TaskParameters& said, const MergePieces& pieces) const override {
    auto models = models_beside_base(task);
    if (said.flag("filter_wise"))
      return each_row(std::move(models), *task.base, static_cast<std::size_t>(task.shape.columns));
    auto weights = weights_of(Gram(pieces, models, task.base));
    models.push_back(*task.base);
    return weighted(std::move(models), std::move(weights));
  }
};

}  // namespace

const MergeMethod& model_stock_method() {
  static const ModelStock method;
  return method;
}

}  // namespace garage
