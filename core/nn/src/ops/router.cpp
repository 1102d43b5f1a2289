// MixtralTopKRouter, Qwen2MoeSparseMoeBlock, Llama4Router, and PhiMoE's sparsemixer (modeling_phimoe.py).
#include <limits>

#include <ATen/ops/cat.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>

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

}  // namespace

RouterModule::RouterModule(const std::string& name, const Router& router, const TensorStore& store)
    : PartModule(name), router_(router), scores_(add_linear(*this, "", router.scores, store)) {}

torch::Tensor RouterModule::compute(const torch::Tensor& input, Pass&) { return scores_(input); }

Routing RouterModule::choose(const torch::Tensor& logits) const {
  if (router_.scoring == Scoring::sparsemixer) return sparsemix(logits, router_.jitter.value_or(0));
  const bool softmax = router_.scoring == Scoring::softmax;
  // A sigmoid keeps the order of the logits; where it is 1 for several, they still tell.
  auto [weights, experts] = at::topk(softmax ? at::softmax(logits, -1, torch::kFloat32) : logits, router_.top_k, -1);
  if (!softmax) weights = at::sigmoid(weights.to(torch::kFloat32));
  if (router_.renormalise) weights = weights / weights.sum(-1, /*keepdim=*/true);
  return {weights.to(logits.scalar_type()), experts};
}

}  // namespace garage::nn
