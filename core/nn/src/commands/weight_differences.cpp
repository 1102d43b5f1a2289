#include "weight_differences.hpp"

#include <algorithm>
#include <cmath>

#include <ATen/ops/aminmax.h>
#include <ATen/ops/equal.h>

#include <garage/error.hpp>

namespace garage::nn {
namespace {

using Kind = AdaptableTensor::Kind;

[[noreturn]] void refuse(const AdaptableTensor& tensor, const std::string& why) {
  throw Error(Errc::kUnsupported, fmt::format("tensor '{}' differs, and {}", tensor.tensor, why));
}

// float32; undefined where they are equal.
torch::Tensor difference_of(const AdaptableTensor& tensor, const torch::Tensor& a, const torch::Tensor& b) {
  if (a.sizes() != b.sizes())
    refuse(tensor, fmt::format("in its shape: {} and {}", shape_text(a.sizes().vec()), shape_text(b.sizes().vec())));
  if (a.numel() == 0 || (a.scalar_type() == b.scalar_type() && at::equal(a, b))) return {};
  const auto wide = a.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  const auto difference = b.to(wide, false, true).sub_(a.to(wide)).to(torch::kFloat32);
  const auto [lowest, highest] = at::aminmax(difference);  // which are NaN where one number is
  if (!std::isfinite(lowest.item<double>()) || !std::isfinite(highest.item<double>()))
    refuse(tensor, "one of the models has numbers in it that are not finite, or they are too far apart");
  return lowest.item<double>() != 0 || highest.item<double>() != 0 ? difference : torch::Tensor();
}

// Notes whose weight the tensor is beside the part that it was found in.
void note_sharing(const AdaptableTensor& tensor, const ModelSpec& spec, WeightDifferences& differences) {
  for (const auto& [name, part] : spec.parts) {
    if (name == tensor.part || !part.blueprint) continue;
    const auto* embedding = std::get_if<Embedding>(&*part.blueprint);
    if (embedding && embedding->weight.tensor == tensor.tensor)
      refuse(tensor, fmt::format("it is both {} and {}: PEFT changes one and not the other", tensor.part, name));
    const auto* head = std::get_if<OutputHead>(&*part.blueprint);
    if (!head || head->projection.weight.tensor != tensor.tensor) continue;
    const auto& bias = head->projection.bias;
    if (bias && bias->tensor != part.module_path + ".bias")
      refuse(tensor, fmt::format("it is the weight of {}, too, whose bias is '{}', which is not that module's: PEFT "
                                 "cannot save it whole",
                                 name, bias->tensor));
    differences.tied_heads[part.module_path] = &tensor;
  }
}

}  // namespace

ModelTensors::ModelTensors(const ModelSpec& spec, const PluginHost& plugins)
    : spec_(spec),
      store_(WeightFiles::unshared(spec, plugins.folders()), Placements({torch::kCPU, std::nullopt, true})) {
  for (const auto& [name, part] : spec.parts)
    if (part.blueprint) store_.require_tensors(part, name);
}

WeightDifferences weight_differences(const ModelTensors& a, const ModelTensors& b,
                                     const std::vector<AdaptableTensor>& tensors, const LoraOptions& options) {
  WeightDifferences result;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto& tensor = tensors[i];
    if (options.progress) options.progress(i, tensors.size());
    auto difference = difference_of(tensor, a.tensor(tensor.tensor), b.tensor(tensor.tensor));
    for (const auto* side : {&a, &b}) side->files().forget();
    if (!difference.defined()) {
      ++result.equal;
    } else if (tensor.kind == Kind::linear && difference.dim() == 2) {
      if (tensor.is_turned) difference = difference.t().contiguous();  // [out, in], as the module multiplies
      const auto full = std::min(difference.size(0), difference.size(1));
      if (options.rank && *options.rank > full) ++result.bounded;
      result.factors[&tensor] = low_rank_factors(std::move(difference), options.rank.value_or(full), options.energy);
    } else {
      note_sharing(tensor, b.spec(), result);
      result.whole.insert(&tensor);
    }
  }
  if (options.progress) options.progress(tensors.size(), tensors.size());
  return result;
}

}  // namespace garage::nn
