// PackedOnDevice: an encoded tensor whose bytes lie on a device as they lie in the file, and are decoded there.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <torch/types.h>

#include <garage/blueprint/tensor_ref.hpp>
#include <garage/encoded_tensor.hpp>

namespace garage::nn {

class PackedOnDevice {
 public:
  // there: room for each piece, uint8 [bytes], on the device; whoever makes it sees to it that the bytes get there
  // before anything is decoded. type: of what the tensor stands for.
  PackedOnDevice(EncodedTensor tensor, std::vector<torch::Tensor> there, torch::ScalarType type);

  bool can_decode() const noexcept { return static_cast<bool>(decoding_.rows); }
  const EncodedTensor& tensor() const noexcept { return tensor_; }
  const std::vector<torch::Tensor>& there() const noexcept { return there_; }

  // What the view shows of the tensor: the bits that stored_tensor() gives. In that dtype: what the tensor stands for
  // is rounded to its own first. Requires: can_decode().
  torch::Tensor seen(std::span<const ViewStep> view, torch::ScalarType dtype) const;

 private:
  // Rows of the tensor as a matrix.
  torch::Tensor decoded(std::int64_t first, std::int64_t count, torch::ScalarType dtype) const;

  EncodedTensor tensor_;
  std::vector<torch::Tensor> there_;
  torch::ScalarType type_;
  Encoding::OnDevice decoding_;
};

}  // namespace garage::nn
