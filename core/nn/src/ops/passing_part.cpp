#include "passing_part.hpp"

namespace garage::nn {

std::unique_ptr<Summoned> PassingPart::summon() const {
  auto store = store_.apart();
  auto module = make_module(*spec_, part_, store);
  return std::make_unique<Summoned>(std::move(store), std::move(module));
}

torch::Tensor Summoned::forward(const torch::Tensor& input, Pass& pass) {
  store_.arrive();
  store_.files()->require_unchanged();
  return module_->forward(carried_to(*module_, input), pass);
}

}  // namespace garage::nn
