// LlamaRMSNorm, GemmaRMSNorm and torch.nn.LayerNorm, in their order of casts.
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/rsqrt.h>

#include "modules.hpp"

namespace garage::nn {

NormModule::NormModule(const std::string& name, const Norm& norm, const TensorStore& store)
    : PartModule(name),
      norm_(norm),
      weight_(add_parameter(*this, "weight", store.tensor(norm.weight))),
      bias_(add_parameter(*this, "bias", store.tensor(norm.bias))) {}

torch::Tensor NormModule::compute(const torch::Tensor& input, const ForwardContext&) {
  if (norm_.kind == NormKind::layer) return at::layer_norm(input, {input.size(-1)}, weight_, bias_, norm_.eps);
  const auto x = input.to(torch::kFloat32);
  const auto normed = x * at::rsqrt(x.pow(2).mean(-1, /*keepdim=*/true) + norm_.eps);
  if (!weight_.defined()) return normed.to(input.scalar_type());
  if (norm_.multiply_before_cast)
    return (normed * (weight_.to(torch::kFloat32) + norm_.weight_offset)).to(input.scalar_type());
  const auto weight = norm_.weight_offset == 0 ? weight_ : weight_ + norm_.weight_offset;
  return weight * normed.to(input.scalar_type());
}

}  // namespace garage::nn
