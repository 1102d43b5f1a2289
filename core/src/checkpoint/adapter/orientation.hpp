// Which way round a weight lies that a LoRA is laid over: [out, in], as torch.nn.Linear has it, or [in, out], as
// GPT-2's Conv1D. PEFT asks the module and sets its config's fan_in_fan_out to what the last one was
// (peft/tuners/lora/layer.py, dispatch_default), so that the shapes decide, and fan_in_fan_out where these do not: of
// square weights.
#pragma once

#include <string>
#include <vector>

#include <garage/model.hpp>

#include "adapter.hpp"

namespace garage {

class Orientation {
 public:
  explicit Orientation(const Adapter& adapter) : adapter_(adapter) {}

  // Learns from one module and its weight, an embedding or not. Throws kCorrupt where the shapes do not fit.
  void see(const std::string& name, const LoraModule& module, const TensorInfo& weight);

  // Whether the weight is [in, out]. Requires: all modules were seen. Throws kUnsupported where nothing tells.
  bool is_turned(const LoraModule& module, const TensorInfo& weight) const;

 private:
  const Adapter& adapter_;
  const TensorInfo *plain_ = nullptr, *turned_ = nullptr;  // that can lie in that way alone
};

}  // namespace garage
