// DiffLlamaAttention (modeling_diffllama.py; arXiv:2410.05258): the first half of the heads looks, and what the second
// half sees is taken away from it. Both see values of two heads side by side.
#include <string>

#include <ATen/ops/cat.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/softmax.h>

#include <garage/nn/custom_module.hpp>
#include <garage/nn/seen_keys.hpp>

namespace {

using garage::nn::CustomPart;
using garage::nn::SeenKeys;
using garage::nn::split_heads;

class DifferentialAttention : public garage::nn::CustomModule {
 public:
  explicit DifferentialAttention(const CustomPart& part)
      : CustomModule(part),
        heads_(part.custom.attributes.at("heads").to_number<std::int64_t>()),
        kv_heads_(part.custom.attributes.at("kv_heads").to_number<std::int64_t>()),
        scale_(part.custom.attributes.at("scale").to_number<double>()),
        lambda_init_(part.custom.attributes.at("lambda_init").to_number<double>()),
        eps_(part.custom.attributes.at("norm_eps").to_number<double>()) {
    const auto& name = part.custom.parts.at(0).part;
    rope_ = register_module(name, part.part(name));
  }

 protected:
  torch::Tensor compute(const torch::Tensor& input, garage::nn::Pass& pass) override {
    require_hidden_states(input, hidden(), of("q_proj.weight").options());
    const auto positions = pass.position_ids(input.device());
    const garage::nn::HeadTurns turned(*rope_, positions, pass, input.options());
    const auto q = turned(split_heads(linear("q_proj", input), heads_));
    const auto seen = remember(name(), pass,
                               {turned(split_heads(linear("k_proj", input), kv_heads_)),
                                split_heads(linear("v_proj", input), kv_heads_), positions});
    const auto scores = at::matmul(q, for_all_heads(seen.keys).transpose(2, 3)) * scale_;
    const auto weights = at::softmax(causal_scores(scores, positions, seen, pass), -1, torch::kFloat32);
    const auto both = at::matmul(weights.to(input.scalar_type()), paired(for_all_heads(seen.values))).chunk(2, 1);
    const auto result = normed(both[0] - lambda() * both[1]) * (1 - lambda_init_);
    return linear("o_proj", result.transpose(1, 2).flatten(2));
  }

 private:
  torch::Tensor for_all_heads(const torch::Tensor& x) const { return x.repeat_interleave(heads_ / kv_heads_, 1); }

  // (batch, heads, keys, dims) to (batch, heads, keys, 2 * dims): of each head of the first half with that of the
  // second, for either half of the queries.
  static torch::Tensor paired(const torch::Tensor& values) {
    return at::cat(values.chunk(2, 1), -1).repeat({1, 2, 1, 1});
  }

  torch::Tensor lambda() const {
    const auto part = [&](const char* q, const char* k) {
      return at::exp((of(q) * of(k)).sum(-1, /*keepdim=*/false, torch::kFloat32)).to(of(q).scalar_type());
    };
    return part("lambda_q1", "lambda_k1") - part("lambda_q2", "lambda_k2") + lambda_init_;
  }

  // torch.nn.RMSNorm without a weight.
  torch::Tensor normed(const torch::Tensor& x) const {
    const auto wide = x.to(torch::kFloat32);
    return (wide * at::rsqrt(wide.pow(2).mean(-1, /*keepdim=*/true) + eps_)).to(x.scalar_type());
  }

  std::int64_t heads_, kv_heads_;
  double scale_, lambda_init_, eps_;
  std::shared_ptr<garage::nn::PartModule> rope_;
};

std::shared_ptr<garage::nn::PartModule> make_differential_attention(const CustomPart& part) {
  return std::make_shared<DifferentialAttention>(part);
}

}  // namespace

GARAGE_NN_LIBRARY({{"differential_attention", &make_differential_attention}});
