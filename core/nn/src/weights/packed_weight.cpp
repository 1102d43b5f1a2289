#include "packed_weight.hpp"

#include <vector>

#include <ATen/ops/_unique2.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>

#include <garage/nn/pass.hpp>

#include "../gpu/step_graph.hpp"

namespace garage::nn {

torch::TensorOptions PackedWeight::options() const {
  return torch::TensorOptions().dtype(like_.scalar_type()).device(store_.device());
}

void PackedWeight::require_cpu() const {
  if (StepGraph::is_capturing(store_.device())) throw NotFixed();
}

torch::Tensor PackedWeight::decoded(const TensorRef& ref) const {
  return there_ ? there_->seen(ref.view, like_.scalar_type()) : store_.tensor(ref);
}

torch::Tensor PackedWeight::whole() const {
  if (!there_) require_cpu();
  return decoded(ref_);
}

torch::Tensor PackedWeight::rows(const torch::Tensor& ids) const {
  require_cpu();
  auto [wanted, places, counts] = at::_unique2(ids.to(torch::kCPU).flatten(), /*sorted=*/true, /*return_inverse=*/true);
  std::vector<torch::Tensor> rows;
  for (std::int64_t i = 0; i < wanted.numel(); ++i) {
    auto row = ref_;
    row.view.push_back({ViewStep::Kind::narrow, {0, wanted[i].item<std::int64_t>(), 1}});
    rows.push_back(decoded(row));
  }
  if (rows.empty()) return at::embedding(whole(), ids);
  auto shape = ids.sizes().vec();
  shape.push_back(like_.size(-1));
  return at::embedding(at::cat(rows), places.to(store_.device())).view(shape);
}

}  // namespace garage::nn
