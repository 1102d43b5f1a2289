// RecurrentGemma's recurrent block: a convolution, and a gated linear recurrence of each channel (transformers:
// RecurrentGemmaRecurrentBlock and RecurrentGemmaRglru of modeling_recurrent_gemma.py; arXiv:2402.19427, section 2.4).
#include <string>
#include <vector>

#include <torch/nn/functional/activation.h>
#include <torch/types.h>

#include <garage/nn/causal_convolution.hpp>
#include <garage/nn/custom_module.hpp>

#include "own_modules.hpp"

namespace {

namespace functional = torch::nn::functional;

class RecurrentBlock : public garage::nn::CustomModule {
 public:
  explicit RecurrentBlock(const garage::nn::CustomPart& part) : CustomModule(part) {}

 protected:
  torch::Tensor compute(const torch::Tensor& input, garage::nn::Pass& pass) override {
    require_hidden_states(input, hidden(), of("linear_x.weight").options());
    auto* memory = pass.memory(name());
    garage::nn::Memory nothing;
    auto& before = memory ? *memory : nothing;
    const auto y = functional::gelu(linear("linear_y", input), functional::GELUFuncOptions().approximate("tanh"));
    // Before a row's first token there is nothing, not what padding would give.
    const auto given = pass.without_padding(linear("linear_x", input)).transpose(1, 2);
    const auto x =
        garage::nn::causal_convolution(given, of("conv_1d.weight").squeeze(1), of("conv_1d.bias"), before["conv"]);
    return linear("linear_out", recur(x.transpose(1, 2), pass.position_ids(input.device()), before["state"]) * y);
  }

 private:
  // x is (batch, seq, width). A row begins anew wherever its position is 0. state (batch, width), float32.
  torch::Tensor recur(const torch::Tensor& x, const torch::Tensor& position_ids, torch::Tensor& state) const {
    const auto begins = (position_ids == 0).unsqueeze(-1);  // (batch or 1, seq, 1)
    const auto log_decay = -8.0 * gate("recurrent", x) * functional::softplus(of("rg_lru.recurrent_param"));
    const auto size = torch::sqrt(1 - torch::exp(2 * log_decay));  // so that a state keeps its size
    const auto pushed = x * gate("input", x) * torch::where(begins, torch::ones_like(size), size).to(x.scalar_type());
    const auto decay = torch::exp(log_decay) * begins.logical_not();
    if (!state.defined()) state = torch::zeros({x.size(0), x.size(2)}, x.options().dtype(torch::kFloat32));
    std::vector<torch::Tensor> states;
    for (std::int64_t t = 0; t < x.size(1); ++t) {
      state = decay.select(1, t).to(torch::kFloat32) * state + pushed.select(1, t).to(torch::kFloat32);
      states.push_back(state.to(x.scalar_type()));
    }
    return states.empty() ? pushed : torch::stack(states, 1);
  }

  // sigmoid of x through a matrix a head.
  torch::Tensor gate(const std::string& which, const torch::Tensor& x) const {
    const auto &weight = of("rg_lru." + which + "_gate_weight"), &bias = of("rg_lru." + which + "_gate_bias");
    const auto heads = x.reshape({-1, weight.size(0), weight.size(1)}).transpose(0, 1);  // (heads, tokens, block)
    return torch::sigmoid(torch::baddbmm(bias.unsqueeze(1), heads, weight).transpose(0, 1).reshape(x.sizes()));
  }
};

}  // namespace

GemmaModule make_rg_lru(const garage::nn::CustomPart& part) {
  const auto& activation = part.custom.attributes.at("activation").as_string();
  if (activation != "gelu_pytorch_tanh")
    throw garage::Error(garage::Errc::kUnsupported, part.name +
                                                        ": the recurrent block computes gelu_pytorch_tanh, the "
                                                        "model has " +
                                                        std::string(activation));
  return std::make_shared<RecurrentBlock>(part);
}
