#include "step_graph.hpp"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

namespace garage::nn {

struct StepGraph::Graph {
  at::cuda::CUDAGraph captured;
};

bool StepGraph::serves(torch::Device device) { return device.is_cuda(); }

StepGraph::StepGraph(torch::Device device, const std::function<void()>& work) : graph_(std::make_unique<Graph>()) {
  const auto current = c10::cuda::getCurrentCUDAStream(device.index());
  const auto aside = c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index());
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
