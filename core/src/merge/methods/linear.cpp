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
#include <utility>

#include <fmt/format.h>

namespace garage {
namespace {

constexpr MergeParameter kParameters[] = {{"normalize", false, 1}, {"weight", true, std::nullopt}};

// In a narrow dtype each step is rounded to it: so numbers come out in mergekit, which computes in that dtype.
float as_bfloat(float number) { return float_of_bfloat(bfloat_of(number)); }
float as_half(float number) { return float_of_half(half_of(number)); }

// sum += weight * number, the product rounded.
template <float (*rounded)(float)>
GARAGE_WIDE_VECTORS void add_products(float weight, const float* numbers, std::size_t count, float* sum) {
  for (std::size_t i = 0; i < count; ++i) sum[i] += rounded(weight * numbers[i]);
}

// The rounded sum divided by that of the weights, rounded.
template <float (*rounded)(float)>
GARAGE_WIDE_VECTORS void divide(float weights, std::size_t count, float* sum) {
  for (std::size_t i = 0; i < count; ++i) sum[i] = rounded(rounded(sum[i]) / weights);
}

class LinearMethod : public DescribedMethod {
 public:
  LinearMethod() : DescribedMethod({.name = "linear", .parameters = kParameters, .is_in_place = true}) {}

 private:
  PieceMerge prepare(const MergeTask& task, const TaskParameters& said, const MergePieces&) const override {
    auto models = listed_models(task);
    std::vector<double> weights;
    for (const auto model : models) weights.push_back(said.of(model, "weight"));
    const auto sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    const bool normalize = said.flag("normalize");
    if (normalize && std::abs(sum) < 1e-8)
      said.refuse(fmt::format("the weights add up to {}, a mean has to be divided by that", sum));
    if (task.dtype != DType::kF32) return narrow_sum(task.dtype, std::move(models), weights, normalize);
    if (normalize)
      for (auto& weight : weights) weight /= sum;
    return weighted(std::move(models), std::move(weights));
  }

  // The weights and their sum are rounded before all.
  static PieceMerge narrow_sum(DType dtype, std::vector<std::size_t> models, const std::vector<double>& weights,
                               bool normalize) {
    std::vector<float> narrow(weights.begin(), weights.end());
    round_to(dtype, narrow);
    float sum = std::accumulate(narrow.begin(), narrow.end(), 0.0F);
    round_to(dtype, {&sum, 1});
    return [=, models = std::move(models), weights = std::move(narrow)](const MergePiece& piece, std::span<float> out) {
      const bool is_bfloat = dtype == DType::kBF16;
      const auto add = is_bfloat ? add_products<as_bfloat> : add_products<as_half>;
      const auto mean = is_bfloat ? divide<as_bfloat> : divide<as_half>;
      constexpr std::size_t kAtOnce = 2048;  // numbers: what a first-level cache holds
      for (std::size_t from = 0; from < out.size(); from += kAtOnce) {
        const auto here = out.subspan(from, std::min(kAtOnce, out.size() - from));
        std::fill(here.begin(), here.end(), 0.0F);
        for (std::size_t i = 0; i < models.size(); ++i)
          add(weights[i], piece.models[models[i]].data() + from, here.size(), here.data());
        if (normalize) mean(sum, here.size(), here.data());
        else round_to(dtype, here);
      }
    };
  }
};

}  // namespace

const MergeMethod& linear_method() {
  static const LinearMethod method;
  return method;
}

}  // namespace garage
