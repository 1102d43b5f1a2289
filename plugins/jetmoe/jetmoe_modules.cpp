// JetMoeAttention with JetMoeMoA, and the bias of JetMoeMoE (modeling_jetmoe.py).
#include <string>

#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros_like.h>
#include <torch/nn/functional/linear.h>

#include <garage/nn/custom_module.hpp>
#include <garage/nn/seen_keys.hpp>

namespace {

using garage::nn::CustomModule;
using garage::nn::CustomPart;
using garage::nn::Pass;
using garage::nn::split_heads;

// Which experts tokens visit, and how much each counts: (tokens, top_k).
struct Choice {
  torch::Tensor weights, experts;
};

// Each token's chosen experts have queries for every head of keys and values; what they look at they project each by
// themselves, and their sum counts them by weight.
class MixtureOfAttentions : public CustomModule {
 public:
  explicit MixtureOfAttentions(const CustomPart& part)
      : CustomModule(part),
        kv_heads_(part.custom.attributes.at("kv_heads").to_number<std::int64_t>()),
        top_k_(part.custom.attributes.at("top_k").to_number<std::int64_t>()),
        scale_(part.custom.attributes.at("scale").to_number<double>()) {
    const auto& name = part.custom.parts.at(0).part;
    rope_ = register_module(name, part.part(name));
  }

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    require_hidden_states(input, hidden(), of("kv_proj.weight").options());
    const auto tokens = input.reshape({-1, hidden()});
    const auto choice = choose(tokens);
    const auto positions = pass.position_ids(input.device());
    const garage::nn::HeadTurns turned(*rope_, positions, pass, input.options());
    const auto kv = linear("kv_proj", input).chunk(2, -1);
    const auto q =
        turned(split_heads(queries(tokens, choice).view({input.size(0), input.size(1), -1}), top_k_ * kv_heads_));
    const auto seen =
        remember(name(), pass, {turned(split_heads(kv[0], kv_heads_)), split_heads(kv[1], kv_heads_), positions});
    // Head h of the queries looks at head h % kv_heads.
    const auto for_all = [&](const torch::Tensor& x) { return x.repeat({1, top_k_, 1, 1}); };
    const auto scores = at::matmul(q, for_all(seen.keys).transpose(2, 3)) * scale_;
    const auto weights = at::softmax(causal_scores(scores, positions, seen, pass), -1, torch::kFloat32);
    const auto looked = at::matmul(weights.to(input.scalar_type()), for_all(seen.values));
    return joined(looked.transpose(1, 2).reshape({tokens.size(0), top_k_, -1}), choice).reshape(input.sizes());
  }

 private:
  // JetMoeTopKGating
  Choice choose(const torch::Tensor& tokens) const {
    const auto [scores, experts] = at::topk(linear("experts.router.layer", tokens).to(torch::kFloat32), top_k_, -1);
    return {at::softmax(scores, -1).to(tokens.scalar_type()), experts};
  }

  // For each expert the tokens that chose it, (visits, 2): token, rank.
  template <class Each>
  void visit(const Choice& choice, Each each) const {
    for (std::int64_t e = 0; e < of("experts.input_linear.weight").size(0); ++e) {
      const auto visits = (choice.experts == e).nonzero();
      if (visits.size(0) > 0) each(e, visits.select(1, 0), visits.select(1, 1));
    }
  }

  // (tokens, top_k, kv_heads * dims)
  torch::Tensor queries(const torch::Tensor& tokens, const Choice& choice) const {
    const auto& weight = of("experts.input_linear.weight");
    auto all = torch::zeros({tokens.size(0), top_k_, weight.size(1)}, tokens.options());
    visit(choice, [&](std::int64_t e, const torch::Tensor& token, const torch::Tensor& rank) {
      all.index_put_({token, rank}, torch::nn::functional::linear(tokens.index_select(0, token), weight[e]));
    });
    return all;
  }

  torch::Tensor joined(const torch::Tensor& looked, const Choice& choice) const {
    const auto& weight = of("experts.output_linear.weight");
    auto sum = torch::zeros({looked.size(0), hidden()}, looked.options());
    visit(choice, [&](std::int64_t e, const torch::Tensor& token, const torch::Tensor& rank) {
      const auto made = torch::nn::functional::linear(looked.index({token, rank}), weight[e]);
      sum.index_add_(0, token, made * choice.weights.index({token, rank}).unsqueeze(-1));
    });
    return sum + of("experts.bias");
  }

  std::int64_t kv_heads_, top_k_;
  double scale_;
  std::shared_ptr<garage::nn::PartModule> rope_;
};

class Biased : public CustomModule {
 public:
  explicit Biased(const CustomPart& part) : CustomModule(part) {
    const auto& name = part.custom.parts.at(0).part;
    mixture_ = register_module(name, part.part(name));
  }

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    require_hidden_states(input, hidden(), of("bias").options());
    return mixture_->forward(input, pass) + of("bias");
  }

 private:
  std::shared_ptr<garage::nn::PartModule> mixture_;
};

std::shared_ptr<garage::nn::PartModule> make_mixture_of_attentions(const CustomPart& part) {
  return std::make_shared<MixtureOfAttentions>(part);
}
std::shared_ptr<garage::nn::PartModule> make_biased(const CustomPart& part) { return std::make_shared<Biased>(part); }

}  // namespace

GARAGE_NN_LIBRARY({{"mixture_of_attentions", &make_mixture_of_attentions}, {"biased", &make_biased}});
