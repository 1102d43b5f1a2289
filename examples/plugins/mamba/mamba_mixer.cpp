// MambaMixer (modeling_mamba.py, slow_forward; the selective scan of arXiv:2312.00752, algorithm 2).
#include <garage/nn/causal_convolution.hpp>
#include <garage/nn/custom_module.hpp>

#include <torch/nn/functional/activation.h>
#include <torch/types.h>

namespace {

namespace functional = torch::nn::functional;

class MambaMixer : public garage::nn::CustomModule {
 public:
  explicit MambaMixer(const garage::nn::CustomPart& part)
      : CustomModule(part), rank_(part.custom.attributes.at("time_step_rank").as_int64()) {}

 protected:
  torch::Tensor compute(const torch::Tensor& input, garage::nn::Pass& pass) override {
    require_hidden_states(input, hidden(), of("in_proj.weight").options());
    // What comes before the input: of a sequence's first piece, and of one that stands alone, zeros.
    auto* memory = pass.memory(name());
    garage::nn::Memory nothing;
    auto& before = memory ? *memory : nothing;
    const auto seq = input.size(1);
    const auto projected = linear("in_proj", input).transpose(1, 2).chunk(2, 1);
    // Padding pushes nothing, neither through the convolution nor into the state.
    const auto without_padding = [&](const torch::Tensor& of_channels) {
      return pass.without_padding(of_channels.transpose(1, 2)).transpose(1, 2);
    };
    const auto x = without_padding(projected[0]), gate = projected[1];  // (batch, inner, seq)
    const auto u = without_padding(torch::silu(
        garage::nn::causal_convolution(x, of("conv1d.weight").squeeze(1), of("conv1d.bias"), before["conv"])));

    // What the scan selects by: step sizes, and the state's input and output.
    const auto state = of("A_log").size(1);
    const auto selected = linear("x_proj", u.transpose(1, 2)).split_with_sizes({rank_, state, state}, -1);
    const auto step = functional::softplus(linear("dt_proj", selected[0])).transpose(1, 2);
    const auto a = -torch::exp(of("A_log").to(torch::kFloat32));                      // (inner, state)
    const auto decay = torch::exp(a.unsqueeze(0).unsqueeze(2) * step.unsqueeze(-1));  // (batch, inner, seq, state)
    const auto pushed =
        step.unsqueeze(-1) * selected[1].unsqueeze(1).to(torch::kFloat32) * u.unsqueeze(-1).to(torch::kFloat32);

    auto& h = before["ssm"];  // (batch, inner, state)
    if (!h.defined()) h = torch::zeros_like(decay.select(2, 0));
    std::vector<torch::Tensor> outputs;
    for (std::int64_t t = 0; t < seq; ++t) {
      h = decay.select(2, t) * h + pushed.select(2, t);
      outputs.push_back(torch::matmul(h.to(input.scalar_type()), selected[2].select(1, t).unsqueeze(-1)).squeeze(-1));
    }
    const auto scanned = (torch::stack(outputs, -1) + u * of("D").unsqueeze(0).unsqueeze(-1)) * torch::silu(gate);
    return linear("out_proj", scanned.transpose(1, 2));
  }

 private:
  std::int64_t rank_;
};

std::shared_ptr<garage::nn::PartModule> make_mixer(const garage::nn::CustomPart& part) {
  const auto& activation = part.custom.attributes.at("activation").as_string();
  if (activation != "silu")
    throw garage::Error(garage::Errc::kUnsupported,
                        part.name + ": the mixer computes silu, the model has " + std::string(activation));
  return std::make_shared<MambaMixer>(part);
}

}  // namespace

GARAGE_NN_LIBRARY({{"mamba_mixer", &make_mixer}});
