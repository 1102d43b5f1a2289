// MambaMixer (modeling_mamba.py, slow_forward; the selective scan of arXiv:2312.00752, algorithm 2).
#include <garage/nn/nn_library.hpp>

#include <torch/nn/functional/activation.h>
#include <torch/nn/functional/conv.h>
#include <torch/types.h>

namespace {

namespace functional = torch::nn::functional;

class MambaMixer : public garage::nn::PartModule {
 public:
  explicit MambaMixer(const garage::nn::CustomPart& part)
      : PartModule(part.name),
        hidden_(part.spec.input_dim),
        rank_(part.custom.attributes.at("time_step_rank").as_int64()) {
    for (const auto& [role, tensor] : part.custom.tensors) {
      auto name = role;
      for (auto& c : name)
        if (c == '.') c = '_';  // LibTorch's parameter names have no dots
      tensors_[role] = register_parameter(name, part.tensor(role), /*requires_grad=*/false);
    }
  }

 protected:
  torch::Tensor compute(const torch::Tensor& input, garage::nn::Pass& pass) override {
    require_hidden_states(input, hidden_, of("in_proj.weight").options());
    // What comes before the input: of a sequence's first piece, and of one that stands alone, zeros.
    auto* memory = pass.memory(name());
    garage::nn::Memory nothing;
    auto& before = memory ? *memory : nothing;
    const auto seq = input.size(1);
    const auto projected =
        functional::linear(input, of("in_proj.weight"), of("in_proj.bias")).transpose(1, 2).chunk(2, 1);
    const auto &x = projected[0], &gate = projected[1];  // (batch, inner, seq)
    const auto u = torch::silu(convolve(x, before["conv"]));

    // What the scan selects by: step sizes, and the state's input and output.
    const auto state = of("A_log").size(1);
    const auto selected =
        functional::linear(u.transpose(1, 2), of("x_proj.weight"), {}).split_with_sizes({rank_, state, state}, -1);
    const auto step =
        functional::softplus(functional::linear(selected[0], of("dt_proj.weight"), of("dt_proj.bias"))).transpose(1, 2);
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
    return functional::linear(scanned.transpose(1, 2), of("out_proj.weight"), of("out_proj.bias"));
  }

 private:
  // A causal convolution of each channel by itself, of x (batch, inner, seq) and the kernel - 1 columns before it, which
  // become x's last.
  torch::Tensor convolve(const torch::Tensor& x, torch::Tensor& columns) const {
    const auto& kernel = of("conv1d.weight");  // (inner, 1, kernel)
    const auto width = kernel.size(2) - 1;
    if (!columns.defined()) columns = torch::zeros({x.size(0), x.size(1), width}, x.options());
    const auto padded = torch::cat({columns, x}, 2);
    columns = padded.narrow(2, x.size(2), width).clone();
    return functional::conv1d(padded, kernel,
                              functional::Conv1dFuncOptions().bias(of("conv1d.bias")).groups(kernel.size(0)));
  }

  // Undefined where the model has no such tensor.
  const torch::Tensor& of(const std::string& role) const {
    static const torch::Tensor kNone;
    const auto found = tensors_.find(role);
    return found == tensors_.end() ? kNone : found->second;
  }

  std::int64_t hidden_, rank_;
  std::map<std::string, torch::Tensor> tensors_;
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
