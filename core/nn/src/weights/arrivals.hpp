// Arrivals: the tensors of one load on their way to GPUs: each once, however many parts have it, and in the dtype and
// the order that modules want, which the GPU sees to. What is encoded goes as it is stored, and is decoded there.
//
// Threads  All members may be called from several threads at once; what one of them added another may finish.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <torch/types.h>

#include <garage/blueprint/tensor_ref.hpp>
#include <garage/weight_files.hpp>

#include "../gpu/uploads.hpp"
#include "packed_on_device.hpp"

namespace garage::nn {

// Where a tensor is wanted: a GPU that Uploads serve.
struct Destination {
  torch::Device device;
  torch::ScalarType dtype;
};

class Arrivals {
 public:
  // The tensor that ref means. Its numbers are there after finish(). Throws as stored_tensor().
  torch::Tensor add(const TensorRef& ref, WeightFiles& files, const Destination& to);

  // The tensor as it is stored, whose bytes are there after finish(); null: nobody has said how its encoding is decoded
  // on a device. Requires: it is encoded, and has numbers.
  std::shared_ptr<const PackedOnDevice> add_packed(const std::string& tensor, WeightFiles& files, torch::Device device);

  void finish();  // Throws as Uploads::finish.

 private:
  torch::Tensor sent(const TensorRef& ref, WeightFiles& files, const Destination& to);
  torch::Tensor sent_plain(const torch::Tensor& on_cpu, const WeightFiles& files, const Destination& to);
  std::shared_ptr<const PackedOnDevice> packed(const std::string& tensor, WeightFiles& files, torch::Device device);

  struct Added {
    TensorRef ref;
    torch::Tensor tensor;
  };

  std::mutex mutex_;
  Uploads uploads_;
  std::unordered_map<std::string, std::vector<Added>> added_;                                 // by tensor
  std::unordered_map<std::string, std::vector<std::weak_ptr<const PackedOnDevice>>> packed_;  // by tensor
};

}  // namespace garage::nn
