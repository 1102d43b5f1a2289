// dare_linear, dare_ties: numbers of each task vector left out by chance, and the others made larger in turn
// (arXiv:2311.03099); without and with the election of signs of TIES.
//
// The paper divides by the density. mergekit, as here, multiplies by what the sum of magnitudes has lost: the same in
// the mean, and exact for each tensor.
#include "method_list.hpp"
#include "task_vector_method.hpp"

namespace garage {
namespace {

constexpr MergeParameter kParameters[] = {{"int8_mask", false, 0},        {"normalize", false, 0},
                                          {"rescale", false, 1},          {"lambda", false, 1},
                                          {"weight", true, std::nullopt}, {"density", true, 1}};

class Dare : public TaskVectorMethod {
 public:
  Dare(std::string_view name, Signs signs) : TaskVectorMethod(name, kParameters, signs) {}

 private:
  Sparsify sparsify(const TaskVector& vector, const TaskParameters&) const override {
    if (vector.density >= 1) return {};
    return keep_random(vector.density, vector.chance);
  }
};

}  // namespace

const MergeMethod& dare_linear_method() {
  static const Dare method("dare_linear", TaskVectorMethod::Signs::all);
  return method;
}

const MergeMethod& dare_ties_method() {
  static const Dare method("dare_ties", TaskVectorMethod::Signs::elected);
  return method;
}

}  // namespace garage
