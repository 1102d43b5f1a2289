// xLSTMLayer with mlstm_recurrent_step_native (modeling_xlstm.py).
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <ATen/ops/exp.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>

#include <garage/nn/custom_module.hpp>

namespace {

using garage::nn::CustomPart;
using garage::nn::Memory;
using garage::nn::Pass;

constexpr auto kInfinity = std::numeric_limits<double>::infinity();

class Mlstm : public garage::nn::CustomModule {
 public:
  explicit Mlstm(const CustomPart& part)
      : CustomModule(part),
        heads_(part.custom.attributes.at("heads").to_number<std::int64_t>()),
        cap_(part.custom.attributes.at("gate_soft_cap").to_number<double>()),
        eps_(part.custom.attributes.at("eps").to_number<double>()),
        norm_eps_(part.custom.attributes.at("norm_eps").to_number<double>()) {}

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    require_hidden_states(input, hidden(), of("q.weight").options());
    auto* memory = pass.memory(name());
    Memory nothing;
    const auto heads = [&](const char* module) { return linear(module, input).unflatten(-1, {heads_, -1}); };
    // Padding pushes nothing into the memory, and nothing of it fades meanwhile.
    const auto padding = padding_of(input, pass);
    const auto gate = [&](const char* module, double of_padding) {
      const auto capped = cap_ * at::tanh(linear(module, input) / cap_);
      return padding.defined() ? capped.masked_fill(padding, of_padding) : capped;
    };
    const Gates gates{gate("igate_preact", -kInfinity), gate("fgate_preact", kInfinity)};
    const auto seen = recur(heads("q"), heads("k"), heads("v"), gates, memory ? *memory : nothing);
    return linear("out_proj", at::sigmoid(linear("ogate_preact", input)) * normed(seen));
  }

 private:
  struct Gates {
    torch::Tensor input, forget;  // (batch, seq, heads)
  };

  // (batch, seq, 1), true for tokens that are padding; undefined where none is.
  static torch::Tensor padding_of(const torch::Tensor& input, Pass& pass) {
    if (!pass.attention_mask().defined()) return {};
    return pass.without_padding(torch::ones({input.size(0), input.size(1), 1}, input.options())) == 0;
  }

  // q, k and v are (batch, seq, heads, dims). What is kept: each head's matrix (batch, heads, qk_dim, v_dim), the sum
  // of its keys (batch, heads, qk_dim), and the largest gate (batch, heads, 1), by whose exp both are divided; float32.
  torch::Tensor recur(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v, const Gates& gates,
                      Memory& kept) const {
    auto &matrix = kept["matrix"], &keys = kept["keys"], &most = kept["most"];
    if (!matrix.defined()) {
      const auto wide = q.options().dtype(torch::kFloat32);
      matrix = torch::zeros({q.size(0), heads_, q.size(3), v.size(3)}, wide);
      keys = torch::zeros({q.size(0), heads_, q.size(3)}, wide);
      most = torch::zeros({q.size(0), heads_, 1}, wide);
    }
    const auto scale = 1 / std::sqrt(static_cast<double>(q.size(3)));
    std::vector<torch::Tensor> outputs;
    for (std::int64_t t = 0; t < q.size(1); ++t) {
      const auto kt = k.select(1, t), vt = v.select(1, t), qt = (q.select(1, t) * scale).unsqueeze(2);
      const auto in = gates.input.select(1, t).unsqueeze(-1),
                 fade = at::log_sigmoid(gates.forget.select(1, t)).unsqueeze(-1);
      const auto next = at::maximum(fade + most, in);
      const auto faded = at::exp(fade + most - next), added = at::exp(in - next);
      matrix = faded.unsqueeze(-1) * matrix + added.unsqueeze(-1) * at::matmul(kt.unsqueeze(-1), vt.unsqueeze(2));
      keys = faded * keys + added * kt;
      most = next;
      const auto found = at::matmul(qt, matrix.to(q.scalar_type())).squeeze(2).to(torch::kFloat32);
      const auto weight = at::matmul(qt, keys.unsqueeze(-1).to(q.scalar_type())).squeeze(2);
      outputs.push_back((found / (at::maximum(weight.abs(), at::exp(-most)) + eps_)).to(q.scalar_type()));
    }
    return outputs.empty() ? v : at::stack(outputs, 1);
  }

  // xLSTMMultiHeadLayerNorm: each head by itself. x is (batch, seq, heads, v_dim).
  torch::Tensor normed(const torch::Tensor& x) const {
    const auto wide = x.to(torch::kFloat32);
    const auto centred = wide - wide.mean(-1, /*keepdim=*/true);
    const auto variance = centred.pow(2).mean(-1, /*keepdim=*/true);
    return (centred * at::rsqrt(variance + norm_eps_)).to(x.scalar_type()).flatten(2) * of("multihead_norm.weight");
  }

  std::int64_t heads_;
  double cap_, eps_, norm_eps_;
};

std::shared_ptr<garage::nn::PartModule> make_mlstm(const CustomPart& part) { return std::make_shared<Mlstm>(part); }

}  // namespace

GARAGE_NN_LIBRARY({{"mlstm", &make_mlstm}});
