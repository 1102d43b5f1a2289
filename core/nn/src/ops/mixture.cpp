// MixtralTopKRouter, Qwen2MoeSparseMoeBlock, and PhiMoE's sparsemixer (modeling_phimoe.py).
#include <limits>

#include <ATen/ops/gather.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/topk.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "modules.hpp"

namespace garage::nn {
namespace {

struct Routing {
  torch::Tensor weights, experts;  // (tokens, top_k)
};

// The best expert of scores, and its weight among those that are not masked: too far below the best, measured against
// clamp (tokens, experts), the scores' own size.
std::pair<torch::Tensor, torch::Tensor> mix_one(const torch::Tensor& scores, const torch::Tensor& original,
                                                double jitter) {
  const auto [best, expert] = scores.max(-1, /*keepdim=*/true);
  const auto size = original.abs().clamp_min(best);
  const auto too_far = (best - original) / size > 2 * jitter;
  const auto weights = at::softmax(scores.masked_fill(too_far, -std::numeric_limits<double>::infinity()), -1);
  return {at::gather(weights, -1, expert), expert};
}

Routing sparsemix(const torch::Tensor& logits, double jitter) {
  const auto [first_weight, first] = mix_one(logits, logits, jitter);
  const auto rest = logits.scatter(-1, first, -std::numeric_limits<double>::infinity());
  const auto [second_weight, second] = mix_one(rest, logits, jitter);
  return {at::cat({first_weight, second_weight}, -1), at::cat({first, second}, -1)};
}

Routing route(const Mixture& mixture, const torch::Tensor& logits) {
  if (mixture.scoring == Scoring::sparsemixer) return sparsemix(logits, mixture.jitter.value_or(0));
  const auto scores = at::softmax(logits, -1, torch::kFloat32);
  auto [weights, experts] = at::topk(scores, mixture.top_k, -1);
  if (mixture.scoring == Scoring::softmax_renormalised) weights = weights / weights.sum(-1, /*keepdim=*/true);
  return {weights.to(logits.scalar_type()), experts};
}

// The part as the module that a mixture needs it to be, beyond what every module does. A spec that was read names none
// but such parts.
template <class Module>
std::shared_ptr<Module> made_as(const char* wanted, const ModelSpec& spec, const std::string& part,
                                const TensorStore& store) {
  auto module = std::dynamic_pointer_cast<Module>(make_module(spec, part, store));
  if (!module) throw Error(Errc::kInternal, fmt::format("part '{}' of '{}' should be a {}", part, spec.model_id, wanted));
  return module;
}

// An expert may be somewhere else than its mixture.
torch::Tensor visit(const FeedForwardModule& expert, const torch::Tensor& tokens) {
  return expert.apply(carried_to(expert, tokens)).to(tokens.options());
}

}  // namespace

MixtureModule::MixtureModule(const std::string& name, const ModelSpec& spec, const PartSpec& part,
                             const Mixture& mixture, const TensorStore& store)
    : PartModule(name), hidden_(part.input_dim), mixture_(mixture) {
  const auto expert = [&](const std::string& expert_name) {
    return register_module(expert_name, made_as<FeedForwardModule>("feed_forward", spec, expert_name, store));
  };
  router_ = register_module(mixture.router, made_as<LinearModule>("linear", spec, mixture.router, store));
  for (const auto& expert_name : mixture.experts) experts_.push_back(expert(expert_name));
  if (mixture.shared_expert) shared_expert_ = expert(*mixture.shared_expert);
  if (mixture.shared_expert_gate)
    shared_gate_ = add_projection(*this, "shared_expert_gate", *mixture.shared_expert_gate, store);
}

torch::Tensor MixtureModule::compute(const torch::Tensor& input, Pass& pass) {
  require_hidden_states(input, hidden_, router_->options());
  const auto tokens = input.reshape({-1, hidden_});
  const auto [weights, chosen] = route(mixture_, router_->forward(tokens, pass));
  auto output = torch::zeros_like(tokens);
  for (std::size_t e = 0; e < experts_.size(); ++e) {
    const auto at_expert = (chosen == static_cast<std::int64_t>(e)).nonzero();  // (visits, 2): token, rank
    if (at_expert.size(0) == 0) continue;
    const auto token = at_expert.select(1, 0), rank = at_expert.select(1, 1);
    const auto result = visit(*experts_[e], tokens.index_select(0, token)) * weights.index({token, rank}).unsqueeze(-1);
    output.index_add_(0, token, result.to(output.scalar_type()));
  }
  if (shared_expert_) {
    auto shared = visit(*shared_expert_, tokens);
    if (shared_gate_) shared = at::sigmoid((*shared_gate_)(tokens)) * shared;
    output = output + shared;
  }
  return output.reshape(input.sizes());
}

}  // namespace garage::nn
