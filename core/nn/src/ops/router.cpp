// MixtralTopKRouter, Qwen2MoeSparseMoeBlock, Llama4Router, Gemma4TextRouter, Mistral4MoE, and PhiMoE's sparsemixer
// (modeling_phimoe.py).
#include <limits>

#include <ATen/ops/cat.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "modules.hpp"

namespace garage::nn {
namespace {

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

// DeepseekV3TopkRouter, Mistral4MoE: of groups that are not among the best no expert is chosen. s is above 0.
torch::Tensor without_lesser_groups(const torch::Tensor& s, const RouterGroups& groups) {
  const auto grouped = s.unflatten(-1, {groups.count, -1});  // (tokens, groups, experts of each)
  const auto worth = std::get<0>(at::topk(grouped, groups.best, -1)).sum(-1);
  const auto kept = std::get<1>(at::topk(worth, groups.kept, -1));
  const auto lesser = torch::ones_like(worth, torch::kBool).scatter(-1, kept, false);
  return grouped.masked_fill(lesser.unsqueeze(-1), 0).flatten(-2);
}

}  // namespace

RouterModule::RouterModule(const std::string& name, const Router& router, const TensorStore& store)
    : PartModule(name),
      router_(router),
      scores_(add_linear(*this, "", router.scores, store)),
      expert_scale_(store.weight(router.expert_scale).registered(*this, "expert_scale")) {
  if (router.norm)
    norm_ = register_module("norm", std::make_shared<NormModule>(name + ".norm", *router.norm, store));
}

torch::Tensor RouterModule::compute(const torch::Tensor& input, Pass& pass) {
  auto x = norm_ ? norm_->forward(input, pass) : input;
  if (router_.input_scale) x = x * *router_.input_scale;
  return scores_(x);
}

Routing RouterModule::choose(const torch::Tensor& logits) const {
  if (router_.scoring == Scoring::sparsemixer) return sparsemix(logits, router_.jitter.value_or(0));
  const auto dtype = router_.keeps_dtype.value_or(false) ? logits.scalar_type() : torch::kFloat32;
  if (router_.scoring == Scoring::softmax) {
    const auto s = at::softmax(logits, -1, dtype);
    if (!router_.groups) {
      const auto [weights, experts] = at::topk(s, router_.top_k, -1);
      return weighed({weights, experts});
    }
    const auto experts = std::get<1>(at::topk(without_lesser_groups(s, *router_.groups), router_.top_k, -1));
    return weighed({at::gather(s, -1, experts), experts});
  }
  // A sigmoid keeps the order of the logits; where it is 1 for several, they still tell.
  if (router_.groups) throw Error(Errc::kUnsupported, fmt::format("{}: sigmoids in groups are not computed", name()));
  const auto [scores, experts] = at::topk(logits, router_.top_k, -1);
  return weighed({at::sigmoid(scores.to(dtype)), experts});
}

// What the chosen are worth, in the dtype of the model.
Routing RouterModule::weighed(const Routing& chosen) const {
  auto weights = chosen.weights;
  if (router_.renormalise) weights = weights / weights.sum(-1, /*keepdim=*/true);
  if (router_.scale) weights = weights * *router_.scale;
  if (expert_scale_.defined()) weights = weights * expert_scale_.dense().index({chosen.experts});
  return {weights.to(scores_.options()), chosen.experts};
}

}  // namespace garage::nn
