// linear: the weighted mean of the models (arXiv:2203.05482, "model soups"); without `normalize`, the weighted sum.
#include "../../encoding/narrowed.hpp"
#include "described_method.hpp"
#include "inputs.hpp"
#include "method_list.hpp"
#include "weighted_sum.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

namespace garage {
namespace {

constexpr MergeParameter kParameters[] = {{"normalize", false, 1}, {"weight", true, std::nullopt}};

class LinearMethod : public DescribedMethod {
 public:
  LinearMethod() : DescribedMethod({.name = "linear", .parameters = kParameters, .is_in_place = true}) {}

 private:
  void merge_numbers(const MergeTask& task, const TaskParameters& said, std::span<float> out) const override {
    const auto models = listed_models(task);
    std::vector<double> weights;
    for (const auto model : models) weights.push_back(said.of(model, "weight"));
    const auto sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    const bool normalize = said.flag("normalize");
    if (normalize && std::abs(sum) < 1e-8)
      said.refuse(fmt::format("the weights add up to {}, a mean has to be divided by that", sum));
    if (task.dtype != DType::kF32) return merge_narrow(task, models, weights, normalize, out);
    if (normalize)
      for (auto& weight : weights) weight /= sum;
    weighted_sum(numbers_of(task, models), weights, out);
  }

  // In a narrow dtype each step is rounded to it, the weights and their sum before all: so they come out in mergekit,
  // which computes in that dtype.
  static void merge_narrow(const MergeTask& task, const std::vector<std::size_t>& models,
                           const std::vector<double>& weights, bool normalize, std::span<float> out) {
    std::vector<float> narrow(weights.begin(), weights.end()), product(out.size());
    round_to(task.dtype, narrow);
    float sum = std::accumulate(narrow.begin(), narrow.end(), 0.0F);
    round_to(task.dtype, {&sum, 1});
    std::fill(out.begin(), out.end(), 0.0F);
    for (std::size_t i = 0; i < models.size(); ++i) {
      const auto numbers = task.models[models[i]].numbers;
      for (std::size_t k = 0; k < out.size(); ++k) product[k] = narrow[i] * numbers[k];
      round_to(task.dtype, product);
      for (std::size_t k = 0; k < out.size(); ++k) out[k] += product[k];
    }
    round_to(task.dtype, out);
    if (!normalize) return;
    for (auto& number : out) number /= sum;
    round_to(task.dtype, out);
  }
};

}  // namespace

const MergeMethod& linear_method() {
  static const LinearMethod method;
  return method;
}

}  // namespace garage
