// PackedWeight: a weight that stays as it is stored, and is decoded whenever it is used: slower, and in the memory that
// its encoding takes: of the mapped file, or of the GPU where it can be decoded there.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <torch/types.h>

#include "packed_on_device.hpp"
#include "tensor_store.hpp"

namespace garage::nn {

class PackedWeight {
 public:
  // like: what it is decoded to, without numbers (a tensor of LibTorch's meta device). there: null where it is decoded
  // on the CPU.
  PackedWeight(const TensorStore& store, TensorRef ref, torch::Tensor like, std::shared_ptr<const PackedOnDevice> there)
      : store_(store), ref_(std::move(ref)), like_(std::move(like)), there_(std::move(there)) {}

  std::int64_t size(std::int64_t dim) const { return like_.size(dim); }
  torch::TensorOptions options() const;  // of what it is decoded to

  // Throw NotFixed in a step that is captured, where the CPU has something to do.
  torch::Tensor whole() const;
  torch::Tensor rows(const torch::Tensor& ids) const;  // ids.sizes() + [columns]

 private:
  torch::Tensor decoded(const TensorRef& ref) const;
  void require_cpu() const;

  TensorStore store_;
  TensorRef ref_;
  torch::Tensor like_;
  std::shared_ptr<const PackedOnDevice> there_;
};

}  // namespace garage::nn
