// LlamaRMSNorm, GemmaRMSNorm and torch.nn.LayerNorm, in their order of casts.
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/norm.h>
#include <ATen/ops/rsqrt.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "modules.hpp"

namespace garage::nn {

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
  if (norm_.kind == NormKind::layer) return at::layer_norm(input, {input.size(-1)}, learned, bias_.dense(), norm_.eps);
  if (norm_.kind == NormKind::l2)  // torch.nn.functional.normalize
    return input / input.norm(2, {-1}, /*keepdim=*/true).clamp_min(norm_.eps);
  const auto x = input.to(torch::kFloat32);
  const auto normed = x * at::rsqrt(x.pow(2).mean(-1, /*keepdim=*/true) + norm_.eps);
  if (!learned.defined()) return normed.to(input.scalar_type());
  if (norm_.multiply_before_cast)
    return (normed * (learned.to(torch::kFloat32) + norm_.weight_offset)).to(input.scalar_type());
  const auto weight = norm_.weight_offset == 0 ? learned : learned + norm_.weight_offset;
  return weight * normed.to(input.scalar_type());
}

}  // namespace garage::nn
