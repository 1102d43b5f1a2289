#include "inputs.hpp"

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

std::vector<Numbers> numbers_of(const MergeTask& task, std::span<const std::size_t> models) {
  std::vector<Numbers> numbers;
  for (const auto model : models) numbers.push_back(task.models[model].numbers);
  return numbers;
}

Numbers base_numbers(const MergeTask& task) { return task.base ? task.models[*task.base].numbers : Numbers(); }

std::vector<float> task_vector(Numbers model, Numbers base) {
  std::vector<float> delta(model.size());
  for (std::size_t i = 0; i < delta.size(); ++i) delta[i] = model[i] - base[i];
  return delta;
}

}  // namespace garage
