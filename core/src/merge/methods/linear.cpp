// linear: the weighted mean of the models (arXiv:2203.05482, "model soups"); without `normalize`, the weighted sum.
#include "../../encoding/narrowed.hpp"
#include "../../encoding/numbers.hpp"
#include "../../encoding/wide_vectors.hpp"
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

// sum += weight * number, of which the product is rounded first.
GARAGE_WIDE_VECTORS void add_bfloat_products(float weight, const float* numbers, std::size_t count, float* sum) {
  for (std::size_t i = 0; i < count; ++i) sum[i] += float_of_bfloat(bfloat_of(weight * numbers[i]));
}
GARAGE_WIDE_VECTORS void add_half_products(float weight, const float* numbers, std::size_t count, float* sum) {
  for (std::size_t i = 0; i < count; ++i) sum[i] += float_of_half(half_of(weight * numbers[i]));
}

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
    std::vector<float> narrow(weights.begin(), weights.end());
    round_to(task.dtype, narrow);
    float sum = std::accumulate(narrow.begin(), narrow.end(), 0.0F);
    round_to(task.dtype, {&sum, 1});
    constexpr std::size_t kAtOnce = 2048;  // numbers: what a first-level cache holds
    const auto add_products = task.dtype == DType::kBF16 ? add_bfloat_products : add_half_products;
    for (std::size_t from = 0; from < out.size(); from += kAtOnce) {
      const auto here = out.subspan(from, std::min(kAtOnce, out.size() - from));
      std::fill(here.begin(), here.end(), 0.0F);
      for (std::size_t i = 0; i < models.size(); ++i)
        add_products(narrow[i], task.models[models[i]].numbers.data() + from, here.size(), here.data());
      round_to(task.dtype, here);
      if (!normalize) continue;
      for (auto& number : here) number /= sum;
      round_to(task.dtype, here);
    }
  }
};

}  // namespace

const MergeMethod& linear_method() {
  static const LinearMethod method;
  return method;
}

}  // namespace garage
