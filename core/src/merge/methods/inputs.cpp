#include "inputs.hpp"

#include <array>

namespace garage {
namespace {

std::vector<std::size_t> all_but(const MergeTask& task, std::optional<std::size_t> left_out) {
  std::vector<std::size_t> models;
  for (std::size_t model = 0; model < task.models.size(); ++model)
    if (model != left_out) models.push_back(model);
  return models;
}

}  // namespace

std::vector<std::size_t> listed_models(const MergeTask& task) {
  return all_but(task, task.is_base_listed ? std::nullopt : task.base);
}

std::vector<std::size_t> models_beside_base(const MergeTask& task) { return all_but(task, task.base); }

std::vector<Numbers> numbers_of(const MergePiece& piece, std::span<const std::size_t> models) {
  std::vector<Numbers> numbers;
  for (const auto model : models) numbers.push_back(piece.models[model]);
  return numbers;
}

void task_vector(Numbers model, Numbers base, std::vector<float>& delta) {
  delta.resize(model.size());
  for (std::size_t i = 0; i < delta.size(); ++i) delta[i] = model[i] - base[i];
}

NumberPieces task_vector_pieces(const MergePieces& pieces, std::size_t model, std::size_t base) {
  return [&pieces, model, base](const std::function<void(Numbers)>& see) {
    std::vector<float> delta;
    pieces.each(std::array{model, base}, [&](const MergePiece& piece) {
      task_vector(piece.models[model], piece.models[base], delta);
      see(delta);
    });
  };
}

}  // namespace garage
