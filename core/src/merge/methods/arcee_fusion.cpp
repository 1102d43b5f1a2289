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
#include "top_k.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

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

// Never below 0 (Gibbs' inequality), where rounding may take it.
double divergence(Numbers other, Numbers base) {
  const auto p = softmax(other), q = softmax(base);
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const auto here = p[i] + kProbabilityFloor;
    sum += here * std::log(here / (q[i] + kProbabilityFloor));
  }
  return std::max(sum, 0.0);
}

// The base and the other model, whose places in the task these are, and what each row's differences count.
struct Scores {
  std::size_t base, other, columns;
  std::vector<float> weights = {};  // of rows

  void see_weights(const MergePieces& pieces) {
    pieces.each(std::array{base, other}, [&](const MergePiece& piece) {
      const auto from = piece.models[base], to = piece.models[other];
      for (std::size_t row = 0; row < from.size(); row += columns)
        weights.push_back(static_cast<float>(divergence(to.subspan(row, columns), from.subspan(row, columns))));
    });
  }
  void of(const MergePiece& piece, std::vector<float>& scores) const {
    const auto from = piece.models[base], to = piece.models[other];
    scores.resize(from.size());
    auto row = static_cast<std::size_t>(piece.first) / columns;
    for (std::size_t begin = 0; begin < from.size(); begin += columns, ++row)
      for (auto i = begin; i < begin + columns; ++i) scores[i] = std::abs(to[i] - from[i]) * weights[row];
  }
  NumberPieces all(const MergePieces& pieces) const {
    return [&](const std::function<void(Numbers)>& see) {
      std::vector<float> scores;
      pieces.each(std::array{base, other}, [&](const MergePiece& piece) {
        of(piece, scores);
        see(scores);
      });
    };
  }
};

float threshold_of(const NumberPieces& scores, std::size_t count) {
  const auto quarter = [&](std::size_t quarters) { return quarters * (count - 1) / 4 + 1; };
  const auto found = TopK::smallest(scores, std::array{quarter(1), quarter(2), quarter(3)});
  return found[1].threshold() + 1.5F * (found[2].threshold() - found[0].threshold());
}

class ArceeFusion : public DescribedMethod {
 public:
  ArceeFusion()
      : DescribedMethod(
            {.name = "arcee_fusion", .parameters = {}, .base = MergeBase::required, .least = 1, .most = 1}) {}

 private:
  PieceMerge prepare(const MergeTask& task, const TaskParameters& said, const MergePieces& pieces) const override {
    Scores scores{*task.base, models_beside_base(task).front(), static_cast<std::size_t>(task.shape.columns)};
    scores.see_weights(pieces);
    const auto all = scores.all(pieces);
    all([&](Numbers some) {
      if (!std::all_of(some.begin(), some.end(), [](float score) { return std::isfinite(score); }))
        said.refuse("the models hold infinity or NaN, which cannot be ranked");
    });
    const auto threshold = threshold_of(all, static_cast<std::size_t>(task.shape.count * task.shape.columns));
    return [scores = std::move(scores), threshold, own = std::vector<float>()](const MergePiece& piece,
                                                                               std::span<float> out) mutable {
      scores.of(piece, own);
      const auto base = piece.models[scores.base], other = piece.models[scores.other];
      for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = base[i] + (other[i] - base[i]) * (own[i] >= threshold ? 1.0F : 0.0F);
    };
  }
};

}  // namespace

const MergeMethod& arcee_fusion_method() {
  static const ArceeFusion method;
  return method;
}

}  // namespace garage
