// The names and formulas of transformers' activations.py.
#include <ATen/ops/gelu.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tanh.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "modules.hpp"

namespace garage::nn {
namespace {

torch::Tensor activate(const std::string& name, const torch::Tensor& x) {
  if (name == "silu" || name == "swish") return at::silu(x);
  if (name == "gelu") return at::gelu(x);
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast") return at::gelu(x, "tanh");
  if (name == "quick_gelu") return x * at::sigmoid(1.702 * x);
  if (name == "relu") return at::relu(x);
  if (name == "relu2") return at::relu(x).square();
  if (name == "sigmoid") return at::sigmoid(x);
  if (name == "tanh") return at::tanh(x);
  throw Error(Errc::kUnsupported, fmt::format("activation '{}' is none that this version computes", name));
}

}  // namespace

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
