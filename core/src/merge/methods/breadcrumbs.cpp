// breadcrumbs, breadcrumbs_ties: task vectors without their largest and their smallest numbers: arXiv:2312.06795;
// without and with the election of signs of TIES.
#include "method_list.hpp"
#include "task_vector_method.hpp"

namespace garage {
namespace {

constexpr MergeParameter kParameters[] = {
    {"int8_mask", false, 0},        {"normalize", false, 0}, {"rescale", false, 0}, {"lambda", false, 1},
    {"weight", true, std::nullopt}, {"density", true, 1},    {"gamma", true, 0.01}};

class Breadcrumbs : public TaskVectorMethod {
 public:
  Breadcrumbs(std::string_view name, Signs signs) : TaskVectorMethod(name, kParameters, signs) {}

 private:
  Sparsify sparsify(const TaskVector& vector, const TaskParameters& said) const override {
    const auto gamma = said.of(vector.model, "gamma", kShare);
    if (vector.density >= 1) return {};
    return keep_middle(vector.numbers, vector.count, vector.density, gamma);
  }
};

}  // namespace

const MergeMethod& breadcrumbs_method() {
  static const Breadcrumbs method("breadcrumbs", TaskVectorMethod::Signs::all);
  return method;
}

const MergeMethod& breadcrumbs_ties_method() {
  static const Breadcrumbs method("breadcrumbs_ties", TaskVectorMethod::Signs::elected);
  return method;
}

}  // namespace garage
