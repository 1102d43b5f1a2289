// ApertusMLP (modeling_apertus.py) with XIELUActivation (activations.py; arXiv:2411.13010), whose four numbers the file
// has.
#include <ATen/ops/expm1.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/where.h>

#include <garage/nn/custom_module.hpp>

namespace {

class XieluMlp : public garage::nn::CustomModule {
 public:
  explicit XieluMlp(const garage::nn::CustomPart& part) : CustomModule(part) {}

 protected:
  torch::Tensor compute(const torch::Tensor& input, garage::nn::Pass&) override {
    require_hidden_states(input, hidden(), of("up_proj.weight").options());
    return linear("down_proj", xielu(linear("up_proj", input)));
  }

 private:
  // XIELUActivation._xielu_python
  torch::Tensor xielu(const torch::Tensor& x) const {
    const auto &beta = of("act_fn.beta"), &eps = of("act_fn.eps");
    const auto above = at::softplus(of("act_fn.alpha_p")), below = beta + at::softplus(of("act_fn.alpha_n"));
    return at::where(x > 0, above * x * x + beta * x, (at::expm1(at::minimum(x, eps)) - x) * below + beta * x);
  }
};

std::shared_ptr<garage::nn::PartModule> make_xielu_mlp(const garage::nn::CustomPart& part) {
  return std::make_shared<XieluMlp>(part);
}

}  // namespace

GARAGE_NN_LIBRARY({{"xielu_mlp", &make_xielu_mlp}});
