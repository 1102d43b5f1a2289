// SmallMerge: a tensor of a few numbers, the models that have it and what a recipe says, merged by a method's name.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../../../../core/src/merge/methods/merge_method.hpp"

namespace garage::test {

struct SmallMerge {
  std::vector<std::vector<float>> models;
  std::optional<std::size_t> base = std::nullopt;
  std::vector<std::map<std::string, double>> of_models = {};  // what is said of each; of those beyond the end, nothing
  std::map<std::string, double> shared = {};
  std::vector<std::int64_t> dimensions = {};  // one of them where none are named
  std::uint64_t seed = 0;
  bool is_base_listed = false;
};

// What the method sees, where a recipe that says no more stands for the rest.
inline MergeTask task_of(const SmallMerge& small, const MergeMethod& method) {
  const auto numbers = static_cast<std::int64_t>(small.models.front().size());
  MergeTask task{.tensor = "layer.weight",
                 .dimensions = small.dimensions.empty() ? std::vector{numbers} : small.dimensions,
                 .base = small.base,
                 .is_base_listed = small.is_base_listed,
                 .seed = small.seed};
  task.shape = {task.dimensions.back() == 0 ? 0 : numbers / task.dimensions.back(), task.dimensions.back()};
  for (std::size_t model = 0; model < small.models.size(); ++model) {
    ModelParameters parameters;
    for (const auto& parameter : method.parameters()) {
      if (!parameter.is_per_model) continue;
      auto value = parameter.fallback;
      if (model < small.of_models.size())
        if (const auto said = small.of_models[model].find(std::string(parameter.name));
            said != small.of_models[model].end())
          value = said->second;
      parameters.push_back(value);
    }
    task.models.push_back(std::move(parameters));
  }
  for (const auto& parameter : method.parameters()) {
    if (parameter.is_per_model) continue;
    const auto said = small.shared.find(std::string(parameter.name));
    if (said != small.shared.end()) task.parameters.push_back(said->second);
    else if (parameter.fallback) task.parameters.push_back(*parameter.fallback);
  }
  return task;
}

// Its numbers, so many rows a piece.
class SmallPieces : public MergePieces {
 public:
  SmallPieces(const SmallMerge& small, Rows shape, std::int64_t rows) : small_(small), shape_(shape), rows_(rows) {}

  void each(std::span<const std::size_t> models, const std::function<void(const MergePiece&)>& see) const override {
    for (std::int64_t row = 0; row < shape_.count; row += rows_) {
      MergePiece piece{row * shape_.columns, std::vector<std::span<const float>>(small_.models.size())};
      const auto first = static_cast<std::size_t>(piece.first);
      const auto count = static_cast<std::size_t>(std::min(rows_, shape_.count - row) * shape_.columns);
      for (const auto model : models) piece.models[model] = std::span(small_.models[model]).subspan(first, count);
      see(piece);
    }
  }

 private:
  const SmallMerge& small_;
  Rows shape_;
  std::int64_t rows_;
};

// rows: of a piece; all of them at once where none are named.
inline std::vector<float> merged(std::string_view name, const SmallMerge& small, std::int64_t rows = 1 << 20) {
  const auto& method = merge_method(name);
  method.require_models(small.models.size(), small.base.has_value());
  const auto task = task_of(small, method);
  const SmallPieces pieces(small, task.shape, rows);
  const auto merge = method.begin(task, pieces);
  std::vector<float> out(small.models.front().size(), -99.0F);
  std::vector<std::size_t> all(small.models.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  pieces.each(all, [&](const MergePiece& piece) {
    merge(piece, std::span(out).subspan(static_cast<std::size_t>(piece.first), piece.models.front().size()));
  });
  return out;
}

// The largest difference, as a share of the largest number that is expected; infinite where there is NaN.
inline double worst(const std::vector<float>& got, const std::vector<float>& expected) {
  double difference = 0, largest = 0;
  if (got.size() != expected.size()) return INFINITY;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto here = std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i]));
    if (!(here <= INFINITY)) return INFINITY;
    difference = std::max(difference, here);
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
  }
  return difference == 0 ? 0 : difference / largest;
}

// A matrix [3, 4] of four models; what torch 2.14 makes of them is in the tests.
inline const std::vector<float> kBaseMatrix{0.5F,  -0.25F, 1.0F,  0.0F, 0.125F, 0.75F,
                                            -1.5F, 0.25F,  -0.5F, 0.0F, 0.375F, 2.0F};
inline const std::vector<float> kA{0.600000024F,  -0.550000012F,  1.01999998F,  0.0500000007F,
                                   0.0549999997F, 1.14999998F,    -1.49000001F, 0.049999997F,
                                   -0.349999994F, -0.0599999987F, 0.875F,       1.91999996F};
inline const std::vector<float> kB{0.300000012F, -0.349999994F, 1.25F,         0.0299999993F, 0.245000005F, 1.04999995F,
                                   -1.95000005F, 0.239999995F,  -0.519999981F, 0.0900000036F, 0.725000024F, 2.5999999F};
inline const std::vector<float> kC{0.800000012F,  -0.0300000012F, 0.889999986F, 0.0399999991F,
                                   0.405000001F,  0.620000005F,   -1.16999996F, 0.420000017F,
                                   -0.420000017F, 0.209999993F,   0.11500001F,  2.19000006F};

}  // namespace garage::test
