// Arrivals: the tensors of one load on their way to GPUs: each once, however many parts have it, and in the dtype and
// the order that modules want, which the GPU sees to.
//
// Threads  All members may be called from several threads at once; what one of them added another may finish.
#pragma once

#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <torch/types.h>

#include <garage/blueprint/tensor_ref.hpp>
#include <garage/weight_files.hpp>

#include "../gpu/uploads.hpp"

namespace garage::nn {

class Arrivals {
 public:
  // The tensor that ref means, as it lies on the CPU, in that dtype on a GPU that Uploads serve. Its numbers are there
  // after finish().
  torch::Tensor add(const TensorRef& ref, const torch::Tensor& on_cpu, torch::Device device, torch::ScalarType dtype,
                    const WeightFiles& files);

  void finish();  // Throws as Uploads::finish.

 private:
  torch::Tensor sent(const torch::Tensor& on_cpu, torch::Device device, torch::ScalarType dtype,
                     const WeightFiles& files);

  std::mutex mutex_;
  Uploads uploads_;
  std::unordered_map<std::string, std::vector<std::pair<TensorRef, torch::Tensor>>> added_;  // by tensor
};

}  // namespace garage::nn
