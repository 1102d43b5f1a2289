// MixtralTopKRouter, Qwen2MoeSparseMoeBlock, Llama4Router, Gemma4TextRouter, Mistral4MoE, DeepseekV3MoE,
// GraniteMoeTopKGating, Ernie4_5_MoeTopKRouter, and PhiMoE's sparsemixer (modeling_phimoe.py).
#include <limits>

#include <ATen/ops/cat.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/topk.h>

#include "modules.hpp"

namespace garage::nn {
namespace {

constexpr auto kNever = -std::numeric_limits<double>::infinity();

// The best expert of scores, and its weight among those that are not masked: too far below the best, measured against
// clamp (tokens, experts), the scores' own size.
std::pair<torch::Tensor, torch::Tensor> mix_one(const torch::Tensor& scores, const torch::Tensor& original,
                                                double jitter) {
  const auto [best, expert] = scores.max(-1, /*keepdim=*/true);
  const auto size = original.abs().clamp_min(best);
  const auto too_far = (best - original) / size > 2 * jitter;
  const auto weights = at::softmax(scores.masked_fill(too_far, kNever), -1);
  return {at::gather(weights, -1, expert), expert};
}

Routing sparsemix(const torch::Tensor& logits, double jitter) {
  const auto [first_weight, first] = mix_one(logits, logits, jitter);
  const auto rest = logits.scatter(-1, first, kNever);
  const auto [second_weight, second] = mix_one(rest, logits, jitter);
  return {at::cat({first_weight, second_weight}, -1), at::cat({first, second}, -1)};
}

// DeepseekV3MoE.route_tokens_to_experts, Mistral4MoE: what experts are chosen by, but for groups that are not among the
// best.
torch::Tensor without_lesser_groups(const torch::Tensor& s, const RouterGroups& groups) {
  const auto grouped = s.unflatten(-1, {groups.count, -1});  // (tokens, groups, experts of each)
  const auto worth = std::get<0>(at::topk(grouped, groups.best, -1)).sum(-1);
  const auto kept = std::get<1>(at::topk(worth, groups.kept, -1));
  const auto lesser = torch::ones_like(worth, torch::kBool).scatter(-1, kept, false);
  const auto instead = groups.lesser_count_as_0.value_or(false) ? 0 : kNever;
  return grouped.masked_fill(lesser.unsqueeze(-1), instead).flatten(-2);
}

}  // namespace

RouterModule::RouterModule(const std::string& name, const Router& router, const TensorStore& store)
    : PartModule(name),
      router_(router),
      scores_(add_linear(*this, "", router.scores, store)),
      expert_scale_(store.weight(router.expert_scale).registered(*this, "expert_scale")),
      correction_(store.weight(router.correction).registered(*this, "correction")) {
  if (router.norm)
    norm_ = register_module("norm", std::make_shared<NormModule>(name + ".norm", *router.norm, store));
}

torch::Tensor RouterModule::compute(const torch::Tensor& input, Pass& pass) {
  auto x = norm_ ? norm_->forward(input, pass) : input;
  if (router_.input_scale) x = x * *router_.input_scale;
  if (!router_.in_float32.value_or(false)) return scores_(x);
  const auto widened = [](const torch::Tensor& tensor) { return tensor.to(torch::kFloat32); };
  const auto bias = scores_.bias.dense();
  return at::linear(widened(x), widened(scores_.weight.dense()), bias.defined() ? widened(bias) : bias);
}

// (tokens, top_k)
torch::Tensor RouterModule::best(const torch::Tensor& scores) const {
  auto c = correction_.defined() ? scores + correction_.dense().to(scores.scalar_type()) : scores;
  if (router_.groups) c = without_lesser_groups(c, *router_.groups);
  return std::get<1>(at::topk(c, router_.top_k, -1));
}

Routing RouterModule::choose(const torch::Tensor& given) const {
  auto logits = given;
  if (router_.softcap) logits = at::tanh(logits / *router_.softcap) * *router_.softcap;
  if (router_.scoring == Scoring::sparsemixer) return sparsemix(logits, router_.jitter.value_or(0));
  const auto dtype = router_.keeps_dtype.value_or(false) ? logits.scalar_type() : torch::kFloat32;
  const auto of = [](const torch::Tensor& scores, const torch::Tensor& experts) {
    return at::gather(scores, -1, experts);
  };
  if (router_.scoring == Scoring::softmax) {
    const auto s = at::softmax(logits, -1, dtype);
    const auto experts = best(s);
    return weighed({of(s, experts), experts});
  }
  if (router_.scoring == Scoring::softmax_of_chosen) {
    const auto experts = best(logits);
    return weighed({at::softmax(of(logits, experts), -1, dtype), experts});
  }
  const auto s = at::sigmoid(logits.to(dtype));
  // A sigmoid keeps the order of the logits; where it is 1 for several, they still tell.
  const auto experts = best(correction_.defined() || router_.groups ? s : logits);
  return weighed({of(s, experts), experts});
}

// What the chosen are worth, in the dtype of the model.
Routing RouterModule::weighed(const Routing& chosen) const {
  auto weights = chosen.weights;
  if (router_.renormalise) {
    auto sum = weights.sum(-1, /*keepdim=*/true);
    if (router_.sum_epsilon) sum = sum + *router_.sum_epsilon;
    if (router_.least_sum) sum = sum.clamp_min(*router_.least_sum);
    weights = weights / sum;
  }
  if (router_.scale) weights = weights * *router_.scale;
  if (expert_scale_.defined()) weights = weights * expert_scale_.dense().index({chosen.experts});
  return {weights.to(scores_.options()), chosen.experts};
}

}  // namespace garage::nn
