// LlamaRMSNorm, GemmaRMSNorm and torch.nn.LayerNorm, in their order of casts.
#include <optional>

#include <ATen/ops/layer_norm.h>
#include <ATen/ops/norm.h>
#if __has_include(<ATen/ops/_fused_rms_norm.h>)
#include <ATen/ops/rms_norm.h>
#define GARAGE_FUSED_RMS_NORM 1
#endif
#include <ATen/ops/rsqrt.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "modules.hpp"

namespace garage::nn {
namespace {

// weight * x / sqrt(mean(x^2) + eps), in float32, given in that dtype, which the weight has if there is one. On GPUs in
// one kernel, from LibTorch 2.9 on.
torch::Tensor rms_normed(const torch::Tensor& input, const torch::Tensor& weight, double eps, torch::ScalarType dtype) {
#ifdef GARAGE_FUSED_RMS_NORM
  if (input.is_cuda()) {
    std::optional<torch::Tensor> learned;
    if (weight.defined()) learned = weight;
    return at::rms_norm(input.to(dtype), {input.size(-1)}, learned, eps);
  }
#endif
  const auto x = input.to(torch::kFloat32);
  const auto normed = x * at::rsqrt(x.pow(2).mean(-1, /*keepdim=*/true) + eps);
  return (weight.defined() ? normed * weight.to(torch::kFloat32) : normed).to(dtype);
}

}  // namespace

NormModule::NormModule(const std::string& name, const Norm& norm, const TensorStore& store)
    : PartModule(name),
      norm_(norm),
      weight_(store.weight(norm.weight).registered(*this, "weight")),
      bias_(store.weight(norm.bias).registered(*this, "bias")) {}

torch::Tensor NormModule::compute(const torch::Tensor& input, Pass&) {
  if (!input.defined() || !input.is_floating_point())
    throw Error(Errc::kInvalidArgument, fmt::format("{}: takes hidden_states, (..., {}), not {}", name(), norm_.size,
                                                    input.defined() ? described(input) : "nothing"));
  const auto learned = weight_.dense();
  if (norm_.kind == NormKind::layer) {
    const auto weight = learned.defined() && norm_.weight_offset != 0 ? learned + norm_.weight_offset : learned;
    return at::layer_norm(input, {input.size(-1)}, weight, bias_.dense(), norm_.eps);
  }
  if (norm_.kind == NormKind::l2)  // torch.nn.functional.normalize
    return input / input.norm(2, {-1}, /*keepdim=*/true).clamp_min(norm_.eps);
  const auto own = input.scalar_type();
  if (!learned.defined()) return rms_normed(input, {}, norm_.eps, own);
  if (norm_.multiply_before_cast && norm_.weight_offset == 0 && learned.scalar_type() == own)
    return rms_normed(input, learned, norm_.eps, own);
  if (norm_.multiply_before_cast)
    return rms_normed(input, learned.to(torch::kFloat32) + norm_.weight_offset, norm_.eps, torch::kFloat32).to(own);
  const auto weight = norm_.weight_offset == 0 ? learned : learned + norm_.weight_offset;
  return weight * rms_normed(input, {}, norm_.eps, own);
}

}  // namespace garage::nn
