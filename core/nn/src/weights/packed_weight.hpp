// PackedWeight: a weight that stays as it is stored, and is decoded whenever it is used: slower, and in the memory that
// its encoding takes.
#pragma once

#include <cstdint>
#include <utility>

#include <torch/types.h>

#include "tensor_store.hpp"

namespace garage::nn {

class PackedWeight {
 public:
  // like: what it is decoded to, without numbers (a tensor of LibTorch's meta device).
  PackedWeight(const TensorStore& store, TensorRef ref, torch::Tensor like)
      : store_(store), ref_(std::move(ref)), like_(std::move(like)) {}

  std::int64_t size(std::int64_t dim) const { return like_.size(dim); }
  torch::TensorOptions options() const;  // of what it is decoded to

  torch::Tensor whole() const { return store_.tensor(ref_); }
  torch::Tensor rows(const torch::Tensor& ids) const;  // ids.sizes() + [columns]

 private:
  TensorStore store_;
  TensorRef ref_;
  torch::Tensor like_;
};

}  // namespace garage::nn
