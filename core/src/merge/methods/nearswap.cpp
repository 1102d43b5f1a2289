// nearswap: towards the other model where it is near: w = t / |base - other|, at most 1, of the other and 1 - w of the
// base (https://huggingface.co/alchemonaut/QuartetAnemoi-70B-t0.0001).
//
// As mergekit has it: a difference below 1e-6 counts as that, so that at t of 1e-6 and more what is equal is swapped.
#include "described_method.hpp"
#include "inputs.hpp"
#include "method_list.hpp"

#include <algorithm>
#include <cmath>

namespace garage {
namespace {

constexpr MergeParameter kParameters[] = {{"t", false, std::nullopt}};

class NearSwap : public DescribedMethod {
 public:
  NearSwap()
      : DescribedMethod({.name = "nearswap",
                         .parameters = kParameters,
                         .base = MergeBase::required,
                         .is_in_place = true,
                         .least = 1,
                         .most = 1}) {}

 private:
  PieceMerge prepare(const MergeTask& task, const TaskParameters& said, const MergePieces&) const override {
    const auto t = static_cast<float>(said.shared("t", kNotNegative));
    return [t, at_base = *task.base, at_other = models_beside_base(task).front()](const MergePiece& piece,
                                                                                  std::span<float> out) {
      const auto base = piece.models[at_base], other = piece.models[at_other];
      for (std::size_t i = 0; i < out.size(); ++i) {
        const auto weight = std::min(t / std::max(std::abs(base[i] - other[i]), 1e-6F), 1.0F);
        out[i] = weight * other[i] + (1 - weight) * base[i];
      }
    };
  }
};

}  // namespace

const MergeMethod& nearswap_method() {
  static const NearSwap method;
  return method;
}

}  // namespace garage
