// StepGraph: work on a GPU that is the same each time, launched as one: what a CPU needs to say it again and again is
// more than a token's time.
#pragma once

#include <functional>
#include <memory>

#include <torch/types.h>

namespace garage::nn {

class StepGraph {
 public:
  // Whether work on that device can be captured.
  static bool serves(torch::Device device);
  // Whether what the current stream of the device is given is captured, not done.
  static bool is_capturing(torch::Device device);

  // Runs the work twice to warm up what is made at first use, and captures it. It reads and writes tensors that stay
  // where they are, waits for nothing, and may be done again without harm. Throws what the work throws.
  StepGraph(torch::Device device, const std::function<void()>& work);
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;
  ~StepGraph();

  void replay();  // on the current stream

 private:
  struct Graph;
  std::unique_ptr<Graph> graph_;
};

}  // namespace garage::nn
