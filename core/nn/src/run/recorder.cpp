#include <garage/nn/recorder.hpp>

#include <algorithm>

#include "../weights/placement.hpp"

namespace garage::nn {
namespace {

// Apart from what the pass goes on with.
torch::Tensor kept(const torch::Tensor& x) { return x.detach().to(torch::kCPU).contiguous().clone(); }

}  // namespace

torch::Tensor Recorder::ran(const PartRun& run) {
  const auto count = ++runs_[run.part];
  auto output = run.output;
  if (const auto other = replacements_.find(run.part); other != replacements_.end()) output = other->second;
  for (const auto& [pattern, factor] : factors_)
    if (matches_pattern(pattern, run.part)) output = output * factor;
  const auto is_wanted = [&](const std::string& pattern) { return matches_pattern(pattern, run.part); };
  if (std::none_of(recorded_patterns_.begin(), recorded_patterns_.end(), is_wanted)) return output;
  const auto key = count == 1 ? run.part : run.part + "#" + std::to_string(count);
  recorded_[key] = kept(output);
  if (run.input.defined()) recorded_[key + ".in"] = kept(run.input);
  if (run.tokens.defined()) recorded_[key + ".tokens"] = kept(run.tokens);
  return output;
}

}  // namespace garage::nn
