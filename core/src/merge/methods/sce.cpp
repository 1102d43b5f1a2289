// sce: select, calculate, erase: arXiv:2408.07990, section 3.3. Of the places where the task vectors differ, the share
// `select_topk` in which they do so most (by variance over the models; of equal ones the first) stay; each model's
// weight is its share of the mean squares of what stayed; then TIES' election of signs, and the weighted mean of those
// that agree.
//
// As mergekit has it: mean squares that add up to less than 1e-6 mean equal weights, and the mean is divided by 1e-6 at
// least.
#include "described_method.hpp"
#include "inputs.hpp"
#include "method_list.hpp"
#include "sign_consensus.hpp"
#include "top_k.hpp"
#include "weighted_sum.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <optional>

namespace garage {
namespace {

constexpr MergeParameter kParameters[] = {{"int8_mask", false, 0}, {"select_topk", false, 1}};
constexpr double kNothing = 1e-6;

// Over the models, at each place.
void variances_of(std::span<const std::vector<float>> deltas, std::vector<float>& variances) {
  constexpr std::size_t kAtOnce = 512;  // numbers: what a first-level cache holds of the sums
  std::array<double, kAtOnce> means, squares;
  const auto models = static_cast<double>(deltas.size());
  variances.resize(deltas.front().size());
  for (std::size_t from = 0; from < variances.size(); from += kAtOnce) {
    const auto here = std::min(kAtOnce, variances.size() - from);
    means.fill(0);
    squares.fill(0);
    for (const auto& delta : deltas)
      for (std::size_t i = 0; i < here; ++i) means[i] += delta[from + i] / models;
    for (const auto& delta : deltas)
      for (std::size_t i = 0; i < here; ++i)
        squares[i] += (delta[from + i] - means[i]) * (delta[from + i] - means[i]) / models;
    for (std::size_t i = 0; i < here; ++i) variances[from + i] = static_cast<float>(squares[i]);
  }
}

// The models and the base, whose places in the task these are.
struct Places {
  std::vector<std::size_t> models;
  std::size_t base;

  void each(const MergePieces& pieces, const std::function<void(std::vector<std::vector<float>>&)>& see) const {
    auto asked = models;
    asked.push_back(base);
    std::vector<std::vector<float>> deltas(models.size());
    pieces.each(asked, [&](const MergePiece& piece) {
      subtract(piece, deltas);
      see(deltas);
    });
  }
  void subtract(const MergePiece& piece, std::span<std::vector<float>> deltas) const {
    for (std::size_t i = 0; i < models.size(); ++i) task_vector(piece.models[models[i]], piece.models[base], deltas[i]);
  }
};

NumberPieces variances(const Places& places, const MergePieces& pieces) {
  return [&](const std::function<void(Numbers)>& see) {
    std::vector<float> found;
    places.each(pieces, [&](const std::vector<std::vector<float>>& deltas) {
      variances_of(deltas, found);
      see(found);
    });
  };
}

TopK widest(const NumberPieces& variances, double share) {
  std::size_t varying = 0;
  variances([&](Numbers some) {
    varying += some.size() - static_cast<std::size_t>(std::count(some.begin(), some.end(), 0.0F));
  });
  // In float32, as mergekit counts: 0.29 of 100 are 29, where doubles make 28 of it.
  const auto count = static_cast<std::size_t>(static_cast<float>(varying) * static_cast<float>(share));
  return TopK::largest(variances, std::array{count}).front();
}

// Which places stay: all of them, or those where the models differ most.
struct Selection {
  std::optional<TopK> widest;
  std::vector<float> variances = {};  // of a piece

  void apply(std::span<std::vector<float>> deltas) {
    if (!widest) return;
    variances_of(deltas, variances);
    for (std::size_t i = 0; i < variances.size(); ++i) {
      const auto stays = static_cast<float>(widest->takes(variances[i]));
      for (auto& delta : deltas) delta[i] *= stays;
    }
  }
};

std::vector<float> weights_of(const Places& places, const MergePieces& pieces, Selection selection) {
  std::vector<double> squares(places.models.size());
  double numbers = 0;
  places.each(pieces, [&](std::vector<std::vector<float>>& deltas) {
    selection.apply(deltas);
    for (std::size_t i = 0; i < deltas.size(); ++i)
      squares[i] = std::inner_product(deltas[i].begin(), deltas[i].end(), deltas[i].begin(), squares[i], std::plus<>(),
                                      [](double a, double b) { return a * b; });
    numbers += static_cast<double>(deltas.front().size());
  });
  for (auto& square : squares) square /= numbers;
  const auto sum = std::accumulate(squares.begin(), squares.end(), 0.0);
  std::vector<float> weights;
  for (const auto square : squares)
    weights.push_back(static_cast<float>(sum < kNothing ? 1 / static_cast<double>(squares.size()) : square / sum));
  return weights;
}

// What is merged, piece by piece.
struct Merged {
  Places places;
  Selection selection;
  std::vector<float> weights;
  std::vector<std::vector<float>> deltas;  // a piece's

  void operator()(const MergePiece& piece, std::span<float> out) {
    places.subtract(piece, deltas);
    selection.apply(deltas);
    erase_minorities(deltas);
    const auto divisors = agreeing_weights(deltas, weights);
    std::copy(piece.models[places.base].begin(), piece.models[places.base].end(), out.begin());
    for (std::size_t model = 0; model < deltas.size(); ++model)
      for (std::size_t i = 0; i < out.size(); ++i)
        out[i] += deltas[model][i] * weights[model] / std::max(divisors[i], static_cast<float>(kNothing));
  }
};

class Sce : public DescribedMethod {
 public:
  Sce() : DescribedMethod({.name = "sce", .parameters = kParameters, .base = MergeBase::required, .least = 0}) {}

 private:
  PieceMerge prepare(const MergeTask& task, const TaskParameters& said, const MergePieces& pieces) const override {
    const auto share = said.shared("select_topk", kShare);
    const Places places{models_beside_base(task), *task.base};
    if (places.models.empty()) return weighted({places.base}, {1.0});
    Selection selection;
    if (share < 1) selection.widest = widest(variances(places, pieces), share);
    return Merged{places, selection, weights_of(places, pieces, selection),
                  std::vector<std::vector<float>>(places.models.size())};
  }
};

}  // namespace

const MergeMethod& sce_method() {
  static const Sce method;
  return method;
}

}  // namespace garage
