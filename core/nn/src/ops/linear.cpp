#include "modules.hpp"

namespace garage::nn {

LinearModule::LinearModule(const std::string& name, const Linear& linear, const TensorStore& store)
    : PartModule(name), map_(add_linear(*this, "", linear, store)) {}

torch::Tensor LinearModule::compute(const torch::Tensor& input, Pass&) { return map_(input); }

}  // namespace garage::nn
