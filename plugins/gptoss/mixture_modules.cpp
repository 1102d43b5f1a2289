// GptOssMLP and what is in it: GptOssTopKRouter's choice, GptOssExperts (modeling_gpt_oss.py).
#include <string>
#include <vector>

#include <ATen/ops/matmul.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros_like.h>

#include <garage/nn/custom_module.hpp>

#include "own_modules.hpp"

namespace {

using garage::nn::CustomModule;
using garage::nn::CustomPart;
using garage::nn::PartModule;
using garage::nn::Pass;

// down((up + 1) * gate * sigmoid(alpha * gate)), gate cut off at the limit, up on both sides. Of what gate_up_proj
// gives every second number is a gate's, and the one behind it up's. Weights are [in, out].
class Expert : public CustomModule {
 public:
  explicit Expert(const CustomPart& part)
      : CustomModule(part),
        alpha_(part.custom.attributes.at("alpha").to_number<double>()),
        limit_(part.custom.attributes.at("limit").to_number<double>()) {}

 protected:
  torch::Tensor compute(const torch::Tensor& x, Pass&) override {
    require_hidden_states(x, hidden(), of("gate_up_proj").options());
    const auto pairs = (at::matmul(x, of("gate_up_proj")) + of("gate_up_proj_bias")).unflatten(-1, {-1, 2});
    const auto gate = pairs.select(-1, 0).clamp_max(limit_), up = pairs.select(-1, 1).clamp(-limit_, limit_);
    const auto gated = (up + 1) * (gate * at::sigmoid(gate * alpha_));
    return at::matmul(gated, of("down_proj")) + of("down_proj_bias");
  }

 private:
  double alpha_, limit_;
};

torch::TensorOptions home_of(const PartModule& module) {
  for (const auto& parameter : module.parameters()) return parameter.options();
  return {};
}

class Mixture : public CustomModule {
 public:
  explicit Mixture(const CustomPart& part)
      : CustomModule(part), top_k_(part.custom.attributes.at("top_k").to_number<std::int64_t>()) {
    for (const auto& [name] : part.custom.parts) {
      auto made = register_module(name, part.part(name));
      if (router_) experts_.push_back(std::move(made));
      else router_ = std::move(made);
    }
    if (!router_) throw garage::Error(garage::Errc::kCorrupt, part.name + ": has no parts, should have a router");
  }

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    require_hidden_states(input, hidden(), home_of(*router_));
    const auto tokens = input.reshape({-1, hidden()});
    const auto all = router_->forward(tokens, pass);
    require_as_many(all.size(-1));
    const auto [scores, chosen] = at::topk(all, top_k_, -1);  // (tokens, top_k)
    const auto weights = at::softmax(scores, -1);
    auto output = torch::zeros_like(tokens);
    for (std::size_t e = 0; e < experts_.size(); ++e) {
      const auto visits = (chosen == static_cast<std::int64_t>(e)).nonzero();  // (visits, 2): token, rank
      if (visits.size(0) == 0) continue;
      const auto token = visits.select(1, 0), rank = visits.select(1, 1);
      const auto made = visit(*experts_[e], tokens.index_select(0, token), pass);
      output.index_add_(0, token, made * weights.index({token, rank}).unsqueeze(-1));
    }
    return output.reshape(input.sizes());
  }

 private:
  void require_as_many(std::int64_t scored) const {
    if (scored == static_cast<std::int64_t>(experts_.size())) return;
    throw garage::Error(garage::Errc::kCorrupt, name() + ": its router scores " + std::to_string(scored) +
                                                    " experts, it has " + std::to_string(experts_.size()));
  }

  // An expert may be somewhere else than its mixture.
  static torch::Tensor visit(PartModule& expert, const torch::Tensor& tokens, Pass& pass) {
    return expert.forward(tokens.unsqueeze(0).to(home_of(expert)), pass).squeeze(0).to(tokens.options());
  }

  std::int64_t top_k_;
  GptOssModule router_;
  std::vector<GptOssModule> experts_;
};

}  // namespace

GptOssModule make_expert(const CustomPart& part) { return std::make_shared<Expert>(part); }
GptOssModule make_mixture(const CustomPart& part) { return std::make_shared<Mixture>(part); }
