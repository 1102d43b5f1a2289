// DebertaV2Encoder's first layer with its ConvLayer (modeling_deberta_v2.py): a convolution of what goes in is added to
// what comes out, and normed.
#include <string>

#include <ATen/ops/conv1d.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/tanh.h>

#include <garage/nn/custom_module.hpp>

#include "own_modules.hpp"

namespace {

using garage::nn::CustomModule;
using garage::nn::CustomPart;
using garage::nn::Pass;

class ConvolvedLayer : public CustomModule {
 public:
  explicit ConvolvedLayer(const CustomPart& part)
      : CustomModule(part),
        activation_(part.custom.attributes.at("activation").as_string()),
        groups_(part.custom.attributes.at("groups").to_number<std::int64_t>()),
        eps_(part.custom.attributes.at("eps").to_number<double>()) {
    if (part.custom.parts.size() != 4)
      throw garage::Error(garage::Errc::kCorrupt,
                          part.name + ": has " + std::to_string(part.custom.parts.size()) +
                              " parts, should be an attention, its norm, a feed-forward and its norm");
    if (activation_ != "gelu" && activation_ != "tanh" && activation_ != "relu")
      throw garage::Error(garage::Errc::kUnsupported, part.name + ": activation '" + activation_ + "' is not computed");
    const auto add = [&](std::size_t i) {
      const auto& name = part.custom.parts[i].part;
      return register_module(name, part.part(name));
    };
    attention_ = add(0);
    attention_norm_ = add(1);
    ffn_ = add(2);
    ffn_norm_ = add(3);
  }

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    require_hidden_states(input, hidden(), of("conv.weight").options());
    const auto attended = attention_norm_->forward(attention_->forward(input, pass) + input, pass);
    const auto given = ffn_norm_->forward(ffn_->forward(attended, pass) + attended, pass);
    return at::layer_norm(given + convolved(pass.without_padding(input)), {hidden()}, of("LayerNorm.weight"),
                          of("LayerNorm.bias"), eps_);
  }

 private:
  torch::Tensor convolved(const torch::Tensor& x) const {
    const auto& kernel = of("conv.weight");
    const auto sum = at::conv1d(x.transpose(1, 2), kernel, of("conv.bias"), /*stride=*/1,
                                /*padding=*/(kernel.size(2) - 1) / 2, /*dilation=*/1, groups_)
                         .transpose(1, 2);
    if (activation_ == "gelu") return at::gelu(sum);
    return activation_ == "tanh" ? at::tanh(sum) : at::relu(sum);
  }

  std::string activation_;
  std::int64_t groups_;
  double eps_;
  DebertaModule attention_, attention_norm_, ffn_, ffn_norm_;
};

}  // namespace

DebertaModule make_convolved_layer(const CustomPart& part) { return std::make_shared<ConvolvedLayer>(part); }
