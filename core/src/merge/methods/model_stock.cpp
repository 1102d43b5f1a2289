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

void merge_vector(std::vector<Numbers> models, Numbers base, std::span<float> out) {
  const auto t = share_of_mean(Gram(models, base));
  std::vector<double> weights(models.size(), t / static_cast<double>(models.size()));
  models.push_back(base);
  weights.push_back(1 - t);
  weighted_sum(models, weights, out);
}

class ModelStock : public DescribedMethod {
 public:
  ModelStock()
      : DescribedMethod({.name = "model_stock", .parameters = kParameters, .base = MergeBase::required, .least = 2}) {}

 private:
  void merge_numbers(const MergeTask& task, const TaskParameters& said, std::span<float> out) const override {
    const auto models = numbers_of(task, models_beside_base(task));
    const auto at_once = said.flag("filter_wise") ? static_cast<std::size_t>(task.shape.columns) : out.size();
    for (std::size_t from = 0; from < out.size(); from += at_once) {
      std::vector<Numbers> parts;
      for (const auto model : models) parts.push_back(model.subspan(from, at_once));
      merge_vector(std::move(parts), base_numbers(task).subspan(from, at_once), out.subspan(from, at_once));
    }
  }
};

}  // namespace

const MergeMethod& model_stock_method() {
  static const ModelStock method;
  return method;
}

}  // namespace garage
