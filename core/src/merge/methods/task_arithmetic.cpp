// task_arithmetic: base + lambda * sum(weight * (model - base)): arXiv:2212.04089. `density` and `rescale` are
// accepted, as mergekit accepts them, and say nothing.
#include "method_list.hpp"
#include "task_vector_method.hpp"

namespace garage {
namespace {

constexpr MergeParameter kParameters[] = {{"int8_mask", false, 0},        {"normalize", false, 0},
                                          {"rescale", false, 0},          {"lambda", false, 1},
                                          {"weight", true, std::nullopt}, {"density", true, 1}};

class TaskArithmetic : public TaskVectorMethod {
 public:
  TaskArithmetic() : TaskVectorMethod("task_arithmetic", kParameters, Signs::all, true) {}

 private:
  Sparsify sparsify(const TaskVector&, const TaskParameters&) const override { return {}; }
};

}  // namespace

const MergeMethod& task_arithmetic_method() {
  static const TaskArithmetic method;
  return method;
}

}  // namespace garage
