// ties: the largest of each task vector, an election of signs, and the mean of those that agree: arXiv:2306.01708.
#include "method_list.hpp"
#include "task_vector_method.hpp"

#include <fmt/format.h>

namespace garage {
namespace {

constexpr MergeParameter kParameters[] = {{"int8_mask", false, 0},        {"normalize", false, 1},
                                          {"rescale", false, 0},          {"lambda", false, 1},
                                          {"weight", true, std::nullopt}, {"density", true, 1}};

class Ties : public TaskVectorMethod {
 public:
  Ties() : TaskVectorMethod("ties", kParameters, Signs::elected) {}

 private:
  Sparsify sparsify(const TaskVector& vector, const TaskParameters& said) const override {
    if (vector.density * static_cast<double>(vector.count) < 1)
      said.refuse(
          fmt::format("'density' of model {} is {}, which leaves none of {} numbers; give this tensor a larger one "
                      "with a filter",
                      vector.model + 1, vector.density, vector.count));
    if (vector.density >= 1) return {};
    return keep_largest(vector.numbers, share_of(vector.density, vector.count));
  }
};

}  // namespace

const MergeMethod& ties_method() {
  static const Ties method;
  return method;
}

}  // namespace garage
