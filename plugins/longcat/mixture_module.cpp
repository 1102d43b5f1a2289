// LongcatFlashMoE: LongcatFlashTopkRouter's choice, LongcatFlashExperts (modeling_longcat_flash.py). What the last
// experts of the router's make of a token is the token.
#include <string>
#include <vector>

#include <ATen/ops/gather.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>

#include <garage/nn/custom_module.hpp>

#include "own_modules.hpp"

namespace {

using garage::nn::CustomModule;
using garage::nn::CustomPart;
using garage::nn::PartModule;
using garage::nn::Pass;

torch::TensorOptions home_of(const PartModule& module) {
  for (const auto& parameter : module.parameters()) return parameter.options();
  return {};
}

class Mixture : public CustomModule {
 public:
  explicit Mixture(const CustomPart& part)
      : CustomModule(part),
        top_k_(part.custom.attributes.at("top_k").to_number<std::int64_t>()),
        identity_(part.custom.attributes.at("identity_experts").to_number<std::int64_t>()),
        scale_(part.custom.attributes.at("scale").to_number<double>()) {
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
    const auto scores = at::softmax(router_->forward(tokens, pass), -1, torch::kFloat32);  // (tokens, experts)
    require_as_many(scores.size(-1));
    const auto correction = of("router.e_score_correction_bias").to(torch::kFloat32);
    const auto chosen = std::get<1>(at::topk(scores + correction, top_k_, -1));  // (tokens, top_k)
    const auto weights = (at::gather(scores, -1, chosen) * scale_).to(tokens.scalar_type());
    const auto count = static_cast<std::int64_t>(experts_.size());
    auto output = tokens * weights.masked_fill(chosen < count, 0).sum(-1, /*keepdim=*/true);
    for (std::int64_t e = 0; e < count; ++e) {
      const auto visits = (chosen == e).nonzero();  // (visits, 2): token, rank
      if (visits.size(0) == 0) continue;
      const auto token = visits.select(1, 0), rank = visits.select(1, 1);
      const auto made = visit(*experts_[static_cast<std::size_t>(e)], tokens.index_select(0, token), pass);
      output.index_add_(0, token, made * weights.index({token, rank}).unsqueeze(-1));
    }
    return output.reshape(input.sizes());
  }

 private:
  void require_as_many(std::int64_t scored) const {
    if (const auto all = static_cast<std::int64_t>(experts_.size()) + identity_; scored != all)
      throw garage::Error(garage::Errc::kCorrupt, name() + ": its router scores " + std::to_string(scored) +
                                                      " experts, it has " + std::to_string(all));
  }

  // An expert may be somewhere else than its mixture.
  static torch::Tensor visit(PartModule& expert, const torch::Tensor& tokens, Pass& pass) {
    return expert.forward(tokens.unsqueeze(0).to(home_of(expert)), pass).squeeze(0).to(tokens.options());
  }

  std::int64_t top_k_, identity_;
  double scale_;
  std::shared_ptr<PartModule> router_;
  std::vector<std::shared_ptr<PartModule>> experts_;
};

}  // namespace

std::shared_ptr<PartModule> make_mixture(const CustomPart& part) { return std::make_shared<Mixture>(part); }
