// nuslerp: along the arc between two models (arc.hpp), by their weights; with a base, between their task vectors, whose
// result is added to it. `nuslerp_flatten`: a whole tensor is one vector. Without it each row is one (the numbers along
// the last dimension), or with `nuslerp_row_wise` each column (those along the first): mergekit's own sense of the
// word.
//
// As mergekit has it: weights that add up to less than 1e-6 mean the middle; vectors on one line are joined by a line;
// a vector shorter than 1e-7 counts as that long when the angle is taken, which makes it a right one.
#include "arc.hpp"
#include "described_method.hpp"
#include "gram.hpp"
#include "inputs.hpp"
#include "method_list.hpp"
#include "weighted_sum.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace garage {
namespace {

constexpr MergeParameter kParameters[] = {
    {"weight", true, std::nullopt}, {"nuslerp_row_wise", false, 0}, {"nuslerp_flatten", false, 1}};
constexpr double kNoLength = 1e-7;
// The sine of an angle, below which two vectors lie on one line. mergekit says 1e-8, which neither its float32 nor our
// double can tell from nothing where the vectors are opposite. An arc and a line differ by the square of it.
constexpr double kOnOneLine = 1e-6;

PathWeights path(double t, double first_squared, double second_squared, double product) {
  const auto lengths = std::max(std::sqrt(first_squared), kNoLength) * std::max(std::sqrt(second_squared), kNoLength);
  const auto cosine = std::clamp(product / lengths, -1.0, 1.0);
  return std::sqrt((1 - cosine) * (1 + cosine)) < kOnOneLine ? along_line(t) : along_arc(t, cosine);
}

// The two models and, where there is one, the base: base + from * (first - base) + to * (second - base).
struct Ends {
  std::vector<Numbers> models;
  Numbers base;

  Ends of(std::size_t from, std::size_t count) const {
    const auto part = [&](Numbers numbers) { return numbers.empty() ? numbers : numbers.subspan(from, count); };
    return {{part(models[0]), part(models[1])}, part(base)};
  }
  double first(std::size_t i) const { return base.empty() ? models[0][i] : models[0][i] - base[i]; }
  double second(std::size_t i) const { return base.empty() ? models[1][i] : models[1][i] - base[i]; }
};

void merge_vector(const Ends& ends, double t, std::span<float> out) {
  const Gram gram(ends.models, ends.base);
  const auto weights = path(t, gram.dot(0, 0), gram.dot(1, 1), gram.dot(0, 1));
  auto summands = ends.models;
  std::vector summand_weights{weights.from, weights.to};
  if (!ends.base.empty()) {
    summands.push_back(ends.base);
    summand_weights.push_back(1 - weights.from - weights.to);
  }
  weighted_sum(summands, summand_weights, out);
}

void merge_rows(const Ends& ends, std::size_t columns, double t, std::span<float> out) {
  for (std::size_t row = 0; row < out.size(); row += columns)
    merge_vector(ends.of(row, columns), t, out.subspan(row, columns));
}

// Row by row all the same, which is how the numbers lie.
void merge_columns(const Ends& ends, std::size_t columns, double t, std::span<float> out) {
  std::vector<double> first(columns), second(columns), product(columns);
  for (std::size_t row = 0; row < out.size(); row += columns)
    for (std::size_t k = 0; k < columns; ++k) {
      const auto a = ends.first(row + k), b = ends.second(row + k);
      first[k] += a * a;
      second[k] += b * b;
      product[k] += a * b;
    }
  auto &from = first, &to = second;  // the sums are needed no longer
  for (std::size_t k = 0; k < columns; ++k) {
    const auto weights = path(t, first[k], second[k], product[k]);
    from[k] = weights.from;
    to[k] = weights.to;
  }
  for (std::size_t row = 0; row < out.size(); row += columns)
    for (std::size_t k = 0; k < columns; ++k) {
      const auto i = row + k;
      const auto sum = from[k] * ends.first(i) + to[k] * ends.second(i);
      out[i] = static_cast<float>(ends.base.empty() ? sum : ends.base[i] + sum);
    }
}

class NuSlerp : public DescribedMethod {
 public:
  NuSlerp()
      : DescribedMethod(
            {.name = "nuslerp", .parameters = kParameters, .base = MergeBase::optional, .least = 2, .most = 2}) {}

 private:
  void merge_numbers(const MergeTask& task, const TaskParameters& said, std::span<float> out) const override {
    const auto models = models_beside_base(task);
    const auto first = said.of(models[0], "weight"), second = said.of(models[1], "weight");
    const auto t = std::abs(first + second) < 1e-6 ? 0.5 : second / (first + second);
    const Ends ends{numbers_of(task, models), base_numbers(task)};
    const auto row_wise = said.flag("nuslerp_row_wise");
    if (said.flag("nuslerp_flatten")) merge_vector(ends, t, out);
    else if (row_wise)
      merge_columns(ends, task.dimensions.empty() ? 1 : out.size() / static_cast<std::size_t>(task.dimensions.front()),
                    t, out);
    else merge_rows(ends, static_cast<std::size_t>(task.shape.columns), t, out);
  }
};

}  // namespace

const MergeMethod& nuslerp_method() {
  static const NuSlerp method;
  return method;
}

}  // namespace garage
