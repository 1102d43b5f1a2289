#include "task_vector_method.hpp"

#include <array>
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

}  // namespace

void TaskVectorMethod::merge_numbers(const MergeTask& task, const TaskParameters& said, std::span<float> out) const {
  const auto base = base_numbers(task);
  if (task.models.size() == 1) return weighted_sum(std::array{base}, std::array{1.0}, out);
  const auto rescale = said.flag("rescale"), normalize = said.flag("normalize");
  const auto lambda = static_cast<float>(said.shared("lambda"));
  std::vector<std::vector<float>> deltas;
  std::vector<float> weights;
  for (const auto model : models_beside_base(task)) {
    auto& delta = deltas.emplace_back(task_vector(task.models[model].numbers, base));
    sparsify({model, delta, static_cast<std::size_t>(task.shape.columns), said.of(model, "density", kShare), rescale,
              Chance(task.seed, model)},
             said);
    weights.push_back(static_cast<float>(said.of(model, "weight")));
    for (auto& number : delta) number *= weights.back();
  }
  if (signs_ == Signs::elected) erase_minorities(deltas);
  add_up(deltas, out);
  if (normalize && signs_ == Signs::elected) divide_by_agreeing(deltas, weights, out);
  if (normalize && signs_ == Signs::all) divide_by_all(weights, out);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = base[i] + lambda * out[i];
}

}  // namespace garage
