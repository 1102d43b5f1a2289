#include "activation.hpp"
#include "modules.hpp"

namespace garage::nn {

FeedForwardModule::FeedForwardModule(const std::string& name, const PartSpec& part, const FeedForward& feed_forward,
                                     const TensorStore& store)
    : PartModule(name), hidden_(part.input_dim), activation_(feed_forward.activation) {
  if (feed_forward.gate) gate_ = add_linear(*this, "gate", *feed_forward.gate, store);
  up_ = add_linear(*this, "up", feed_forward.up, store);
  down_ = add_linear(*this, "down", feed_forward.down, store);
}

torch::Tensor FeedForwardModule::apply(const torch::Tensor& x) const {
  return down_(gate_ ? activate(activation_, (*gate_)(x)) * up_(x) : activate(activation_, up_(x)));
}

torch::Tensor FeedForwardModule::compute(const torch::Tensor& input, Pass&) {
  require_hidden_states(input, hidden_, up_.options());
  return apply(input);
}

}  // namespace garage::nn
