// slerp: along the arc from the base to the other model, each whole tensor a vector (arc.hpp).
//
// As mergekit has it: vectors whose cosine is beyond 0.9995, to either side, are joined by a line; a vector of no more
// length than 1e-8 counts as it is, which makes its cosine to any other almost 0.
#include "arc.hpp"
#include "described_method.hpp"
#include "gram.hpp"
#include "inputs.hpp"
#include "method_list.hpp"
#include "weighted_sum.hpp"

#include <algorithm>
#include <cmath>

namespace garage {
namespace {

constexpr MergeParameter kParameters[] = {{"t", false, std::nullopt}};
constexpr double kParallel = 0.9995, kNoLength = 1e-8;

double unit_of(double length) { return length > kNoLength ? length : 1; }

class Slerp : public DescribedMethod {
 public:
  Slerp()
      : DescribedMethod(
            {.name = "slerp", .parameters = kParameters, .base = MergeBase::required, .least = 1, .most = 1}) {}

 private:
  PieceMerge prepare(const MergeTask& task, const TaskParameters& said, const MergePieces& pieces) const override {
    const std::vector ends{*task.base, models_beside_base(task).front()};
    const auto t = said.shared("t");
    const Gram gram(pieces, ends, std::nullopt);
    const auto cosine = std::clamp(gram.dot(0, 1) / unit_of(gram.length(0)) / unit_of(gram.length(1)), -1.0, 1.0);
    const auto weights = std::abs(cosine) > kParallel ? along_line(t) : along_arc(t, cosine);
    return weighted(ends, {weights.from, weights.to});
  }
};

}  // namespace

const MergeMethod& slerp_method() {
  static const Slerp method;
  return method;
}

}  // namespace garage
