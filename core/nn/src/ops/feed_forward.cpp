#include "activation.hpp"
#include "modules.hpp"

namespace garage::nn {

FeedForwardModule::FeedForwardModule(const std::string& name, const PartSpec& part, const FeedForward& feed_forward,
                                     const TensorStore& store)
    : PartModule(name),
      hidden_(part.input_dim),
      activation_(feed_forward.activation),
      gate_scale_(feed_forward.gate_scale),
      output_scale_(feed_forward.output_scale) {
  if (feed_forward.gate) gate_ = add_linear(*this, "gate", *feed_forward.gate, store);
  up_ = add_linear(*this, "up", feed_forward.up, store);
  down_ = add_linear(*this, "down", feed_forward.down, store);
  if (feed_forward.down_norm)
    down_norm_ = register_module("down_norm",
                                 std::make_shared<NormModule>(name + ".down_norm", *feed_forward.down_norm, store));
}

torch::Tensor FeedForwardModule::apply(const torch::Tensor& x, Pass& pass) const {
  torch::Tensor inner;
  if (gate_) {
    const auto gate = (*gate_)(x);
    inner = activate(activation_, gate_scale_ ? gate * *gate_scale_ : gate) * up_(x);
  } else {
    inner = activate(activation_, up_(x));
  }
  const auto output = down_(down_norm_ ? down_norm_->forward(inner, pass) : inner);
  return output_scale_ ? output * *output_scale_ : output;
}

torch::Tensor FeedForwardModule::compute(const torch::Tensor& input, Pass& pass) {
  require_hidden_states(input, hidden_, up_.options());
  return apply(input, pass);
}

}  // namespace garage::nn
