// passthrough: one model's numbers, times `scale`.
#include "described_method.hpp"
#include "inputs.hpp"
#include "method_list.hpp"
#include "weighted_sum.hpp"

#include <utility>

namespace garage {
namespace {

constexpr MergeParameter kParameters[] = {{"scale", true, 1}};

class Passthrough : public DescribedMethod {
 public:
  Passthrough()
      : DescribedMethod(
            {.name = "passthrough", .parameters = kParameters, .is_in_place = true, .least = 1, .most = 1}) {}

 private:
  PieceMerge prepare(const MergeTask& task, const TaskParameters& said, const MergePieces&) const override {
    auto models = listed_models(task);
    const auto scale = said.of(models.front(), "scale");
    return weighted(std::move(models), {scale});
  }
};

}  // namespace

const MergeMethod& passthrough_method() {
  static const Passthrough method;
  return method;
}

}  // namespace garage
