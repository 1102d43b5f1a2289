#include "packed_weight.hpp"

#include <vector>

#include <ATen/ops/_unique2.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>

namespace garage::nn {

torch::TensorOptions PackedWeight::options() const {
  return torch::TensorOptions().dtype(like_.scalar_type()).device(store_.device());
}

torch::Tensor PackedWeight::rows(const torch::Tensor& ids) const {
  auto [wanted, places, counts] = at::_unique2(ids.to(torch::kCPU).flatten(), /*sorted=*/true, /*return_inverse=*/true);
  std::vector<torch::Tensor> rows;
  for (std::int64_t i = 0; i < wanted.numel(); ++i)
    rows.push_back(store_.rows(ref_, wanted[i].item<std::int64_t>(), 1));
  if (rows.empty()) return at::embedding(whole(), ids);
  auto shape = ids.sizes().vec();
  shape.push_back(like_.size(-1));
  return at::embedding(at::cat(rows), places.to(store_.device())).view(shape);
}

}  // namespace garage::nn
