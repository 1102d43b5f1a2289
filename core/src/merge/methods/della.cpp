// della_linear, della: as DARE, but the larger a number is in its row the likelier it stays: arXiv:2406.11617; without
// and with the election of signs of TIES. A row is what lies along the last dimension; a vector is vector.
#include "method_list.hpp"
#include "task_vector_method.hpp"

#include <fmt/format.h>

namespace garage {
namespace {

constexpr MergeParameter kLinear[] = {{"int8_mask", false, 0}, {"normalize", false, 0},        {"rescale", false, 1},
                                      {"lambda", false, 1},    {"weight", true, std::nullopt}, {"density", true, 1},
                                      {"epsilon", true, 0.15}};
constexpr MergeParameter kElected[] = {{"int8_mask", false, 0}, {"normalize", false, 1},        {"rescale", false, 1},
                                       {"lambda", false, 1},    {"weight", true, std::nullopt}, {"density", true, 1},
                                       {"epsilon", true, 0.15}};

class Della : public TaskVectorMethod {
 public:
  Della(std::string_view name, std::span<const MergeParameter> parameters, Signs signs)
      : TaskVectorMethod(name, parameters, signs) {}

 private:
  Sparsify sparsify(const TaskVector& vector, const TaskParameters& said) const override {
    const auto epsilon = said.of(vector.model, "epsilon", kNotNegative);
    const auto is_chance = vector.density > 0 && vector.density < 1;
    if (is_chance && (vector.density - epsilon <= 0 || vector.density + epsilon >= 1))
      said.refuse(
          fmt::format("'epsilon' of model {} is {}: density - epsilon has to be above 0 and density + epsilon below 1, "
                      "where density is {}",
                      vector.model + 1, epsilon, vector.density));
    if (vector.density >= 1) return {};
    return keep_by_rank(vector.columns, vector.density, epsilon, vector.chance);
  }
};

}  // namespace

const MergeMethod& della_linear_method() {
  static const Della method("della_linear", kLinear, TaskVectorMethod::Signs::all);
  return method;
}

const MergeMethod& della_method() {
  static const Della method("della", kElected, TaskVectorMethod::Signs::elected);
  return method;
}

}  // namespace garage
