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
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

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
  Numbers one, other, base;

  double first(std::size_t i) const { return base.empty() ? one[i] : one[i] - base[i]; }
  double second(std::size_t i) const { return base.empty() ? other[i] : other[i] - base[i]; }
};

// Which they are, by their places in the task.
struct Places {
  std::size_t one, other;
  std::optional<std::size_t> base;

  std::vector<std::size_t> all() const { return base ? std::vector{one, other, *base} : std::vector{one, other}; }
  Ends in(const MergePiece& piece) const {
    return {piece.models[one], piece.models[other], base ? piece.models[*base] : Numbers()};
  }
};

// Of all of them.
std::vector<double> weights_of(const Gram& gram, double t, bool has_base) {
  const auto weights = path(t, gram.dot(0, 0), gram.dot(1, 1), gram.dot(0, 1));
  if (!has_base) return {weights.from, weights.to};
  return {weights.from, weights.to, 1 - weights.from - weights.to};
}

PieceMerge each_row(const Places& places, std::size_t columns, double t) {
  return [=](const MergePiece& piece, std::span<float> out) {
    for (std::size_t row = 0; row < out.size(); row += columns) {
      std::vector<Numbers> parts;
      for (const auto model : places.all()) parts.push_back(piece.models[model].subspan(row, columns));
      Gram gram(2);
      gram.add(std::span(parts).first(2), places.base ? parts.back() : Numbers());
      weighted_sum(parts, weights_of(gram, t, places.base.has_value()), out.subspan(row, columns));
    }
  };
}

// Row by row all the same, which is how the numbers lie.
PieceMerge each_column(const Places& places, std::size_t columns, double t, const MergePieces& pieces) {
  std::vector<double> first(columns), second(columns), product(columns);
  const auto column = [columns](const MergePiece& piece, std::size_t i) {
    return (static_cast<std::size_t>(piece.first) + i) % columns;
  };
  pieces.each(places.all(), [&](const MergePiece& piece) {
    const auto ends = places.in(piece);
    for (std::size_t i = 0; i < ends.one.size(); ++i) {
      const auto a = ends.first(i), b = ends.second(i);
      const auto k = column(piece, i);
      first[k] += a * a;
      second[k] += b * b;
      product[k] += a * b;
    }
  });
  std::vector<PathWeights> weights(columns);
  for (std::size_t k = 0; k < columns; ++k) weights[k] = path(t, first[k], second[k], product[k]);
  return [=, weights = std::move(weights)](const MergePiece& piece, std::span<float> out) {
    const auto ends = places.in(piece);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto& here = weights[column(piece, i)];
      const auto sum = here.from * ends.first(i) + here.to * ends.second(i);
      out[i] = static_cast<float>(ends.base.empty() ? sum : ends.base[i] + sum);
    }
  };
}

class NuSlerp : public DescribedMethod {
 public:
  NuSlerp()
      : DescribedMethod(
            {.name = "nuslerp", .parameters = kParameters, .base = MergeBase::optional, .least = 2, .most = 2}) {}

 private:
  PieceMerge prepare(const MergeTask& task, const TaskParameters& said, const MergePieces& pieces) const override {
    const auto models = models_beside_base(task);
    const Places places{models[0], models[1], task.base};
    const auto first = said.of(models[0], "weight"), second = said.of(models[1], "weight");
    const auto t = std::abs(first + second) < 1e-6 ? 0.5 : second / (first + second);
    const auto row_wise = said.flag("nuslerp_row_wise");
    if (said.flag("nuslerp_flatten"))
      return weighted(places.all(), weights_of(Gram(pieces, models, task.base), t, task.base.has_value()));
    if (!row_wise) return each_row(places, static_cast<std::size_t>(task.shape.columns), t);
    const auto numbers = task.shape.count * task.shape.columns;
    return each_column(
        places, static_cast<std::size_t>(task.dimensions.empty() ? 1 : numbers / task.dimensions.front()), t, pieces);
  }
};

}  // namespace

const MergeMethod& nuslerp_method() {
  static const NuSlerp method;
  return method;
}

}  // namespace garage
