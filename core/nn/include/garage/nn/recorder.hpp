// Recorder: keeps what parts take and give while a model runs, and replaces or scales what they give.
//
//   garage::nn::Recorder recorder;
//   recorder.record("layer_*");
//   recorder.scale("attention_1", 0);  // as if it were not there
//   model->forward(ids, {.observer = &recorder});
//   auto x = recorder.recorded().at("layer_0");
//
// Patterns  As configs' rules have them: * stands for any characters, {0..15} for a number from 0 to 15.
// Threads   One Recorder is for one forward at a time.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <torch/types.h>

#include <garage/export.hpp>
#include <garage/nn/observer.hpp>

namespace garage::nn {

class GARAGE_API Recorder : public Observer {
 public:
  void record(std::string pattern) { recorded_patterns_.push_back(std::move(pattern)); }
  // Of every run: forward throws kInvalidArgument where the part gives another shape.
  void replace(const std::string& part, torch::Tensor output) { replacements_[part] = std::move(output); }
  void scale(std::string pattern, double factor) { factors_.push_back({std::move(pattern), factor}); }

  // On the CPU, by key: "attention_3" is what went on from it, replaced and scaled, "attention_3.in" what it was given;
  // of an expert "expert_2_7.tokens" which tokens, (visits) int64 counted through batch and positions. What runs again,
  // in one pass or in several, has a number behind: "layer_0#2", "layer_0#2.in".
  const std::map<std::string, torch::Tensor>& recorded() const noexcept { return recorded_; }

  // How often parts ran, all of them.
  const std::map<std::string, int>& runs() const noexcept { return runs_; }

 protected:
  torch::Tensor ran(const PartRun& run) override;

 private:
  struct Factor {
    std::string pattern;
    double factor;
  };

  std::vector<std::string> recorded_patterns_;
  std::vector<Factor> factors_;
  std::map<std::string, torch::Tensor> replacements_, recorded_;
  std::map<std::string, int> runs_;
};

}  // namespace garage::nn
