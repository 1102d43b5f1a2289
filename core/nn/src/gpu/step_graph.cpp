#include "step_graph.hpp"

#include <map>
#include <mutex>

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

namespace garage::nn {
namespace {

// One for the process and device: each stream that multiplies matrices keeps tens of megabytes for it. Whoever captures
// on it holds the mutex.
struct Aside {
  std::mutex mutex;
  std::map<c10::DeviceIndex, c10::cuda::CUDAStream> streams;

  static Aside& get() {
    static auto* aside = new Aside();  // never destroyed: CUDA is gone before
    return *aside;
  }
  // Requires: the mutex is held.
  c10::cuda::CUDAStream of(c10::DeviceIndex device) {
    const auto known = streams.find(device);
    if (known != streams.end()) return known->second;
    return streams.emplace(device, c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device)).first->second;
  }
};

}  // namespace

struct StepGraph::Graph {
  at::cuda::CUDAGraph captured;
};

bool StepGraph::serves(torch::Device device) { return device.is_cuda(); }

bool StepGraph::is_capturing(torch::Device device) {
  if (!serves(device)) return false;
  auto status = cudaStreamCaptureStatusNone;
  const auto stream = c10::cuda::getCurrentCUDAStream(device.index());
  return cudaStreamIsCapturing(stream, &status) == cudaSuccess && status != cudaStreamCaptureStatusNone;
}

StepGraph::StepGraph(torch::Device device, const std::function<void()>& work) : graph_(std::make_unique<Graph>()) {
  const std::lock_guard lock(Aside::get().mutex);
  const auto aside = Aside::get().of(device.index());
  const auto current = c10::cuda::getCurrentCUDAStream(device.index());
  current.synchronize();
  {
    const c10::cuda::CUDAStreamGuard guard(aside);
    for (int i = 0; i < 2; ++i) work();
    aside.synchronize();
    graph_->captured.capture_begin();
    try {
      work();
    } catch (...) {
      try {
        graph_->captured.capture_end();
      } catch (...) {  // what was thrown first says why
      }
      throw;
    }
    graph_->captured.capture_end();
  }
}

StepGraph::~StepGraph() = default;

void StepGraph::replay() { graph_->captured.replay(); }

}  // namespace garage::nn
