#include "task_vector_method.hpp"

#include <cmath>
#include <vector>

#include "inputs.hpp"
#include "sign_consensus.hpp"
#include "weighted_sum.hpp"

namespace garage {
namespace {

// mergekit's float32, operation by operation: where two models all but cancel each other, the last bit says whose sign
// wins.
void add_up(std::span<const std::vector<float>> deltas, std::span<float> out) {
  for (auto& sum : out) sum = 0;
  for (const auto& delta : deltas)
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += delta[i];
}

void divide_by_all(std::span<const float> weights, std::span<float> out) {
  float sum = 0;
  for (const auto weight : weights) sum += weight;
  if (std::abs(sum) < 1e-8F) return;
  for (auto& number : out) number /= sum;
}

void divide_by_agreeing(std::span<const std::vector<float>> deltas, std::span<const float> weights,
                        std::span<float> out) {
  const auto sums = agreeing_weights(deltas, weights);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] /= sums[i] == 0 ? 1 : sums[i];
}

// What is merged, piece by piece.
struct Merged {
  std::size_t base;
  std::vector<std::size_t> models;
  std::vector<float> weights;
  std::vector<Sparsify> sparsify;  // of each model
  bool has_election, normalize;
  float lambda;
  std::vector<std::vector<float>> deltas = {};  // a piece's

  void operator()(const MergePiece& piece, std::span<float> out) {
    const auto from = piece.models[base];
    deltas.resize(models.size());
    for (std::size_t i = 0; i < models.size(); ++i) {
      task_vector(piece.models[models[i]], from, deltas[i]);
      if (sparsify[i]) sparsify[i](deltas[i], piece.first);
      for (auto& number : deltas[i]) number *= weights[i];
    }
    if (has_election) erase_minorities(deltas);
    add_up(deltas, out);
    if (normalize && has_election) divide_by_agreeing(deltas, weights, out);
    if (normalize && !has_election) divide_by_all(weights, out);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = from[i] + lambda * out[i];
  }
};

}  // namespace

PieceMerge TaskVectorMethod::prepare(const MergeTask& task, const TaskParameters& said,
                                     const MergePieces& pieces) const {
  const auto base = *task.base;
  if (task.models.size() == 1) return weighted({base}, {1.0});
  const auto rescale = said.flag("rescale");
  Merged merged{.base = base,
                .models = models_beside_base(task),
                .weights = {},
                .sparsify = {},
                .has_election = signs_ == Signs::elected,
                .normalize = said.flag("normalize"),
                .lambda = static_cast<float>(said.shared("lambda"))};
  for (const auto model : merged.models) {
    merged.weights.push_back(static_cast<float>(said.of(model, "weight")));
    const auto numbers = task_vector_pieces(pieces, model, base);
    const auto kept = sparsify(
        {model, numbers, static_cast<std::size_t>(task.shape.count * task.shape.columns),
         static_cast<std::size_t>(task.shape.columns), said.of(model, "density", kShare), Chance(task.seed, model)},
        said);
    merged.sparsify.push_back(kept && rescale ? rescaled(kept, numbers) : kept);
  }
  return merged;
}

}  // namespace garage
