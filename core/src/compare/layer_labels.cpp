#include "layer_labels.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace garage {

LayerLabels::LayerLabels(const ModelSpec& spec, const Layer& layer) {
  for (std::size_t s = 0; s < layer.stages.size(); ++s) {
    const auto& stage = layer.stages[s];
    const auto first_of_stage = parts_.size();
    for (std::size_t b = 0; b < stage.branches.size(); ++b) {
      const auto label = branch_label(spec, stage.branches[b].op.part);
      formula_ += (b > 0 ? " + " : s > 0 ? "; " : "") + label;
      add_branch(label, stage.branches[b], first_of_stage);
    }
    if (stage.after) parts_.push_back({fmt::format("stage_{}.after", s), stage.after->part, {}});
    if (stage.keep != 1) numbers_.emplace_back(fmt::format("stage_{}.keep", s), stage.keep);
  }
}

std::string LayerLabels::branch_label(const ModelSpec& spec, const std::string& op) const {
  const auto& type = spec.parts.find(op)->part_type;
  const auto is_taken = [&](const std::string& label) {
    return std::any_of(parts_.begin(), parts_.end(), [&](const Part& part) { return part.label == label; });
  };
  auto label = type;
  for (int i = 2; is_taken(label); ++i) label = fmt::format("{}_{}", type, i);
  return label;
}

void LayerLabels::add_branch(const std::string& label, const Branch& branch, std::size_t first_of_stage) {
  if (branch.norm) {
    const auto shared = std::find_if(parts_.begin() + static_cast<std::ptrdiff_t>(first_of_stage), parts_.end(),
                                     [&](const Part& part) { return part.name == branch.norm->part; });
    parts_.push_back({label + ".norm", branch.norm->part, shared == parts_.end() ? "" : shared->label});
  }
  parts_.push_back({label, branch.op.part, {}});
  if (branch.post_norm) parts_.push_back({label + ".post_norm", branch.post_norm->part, {}});
  if (branch.scale != 1) numbers_.emplace_back(label + ".branch_scale", branch.scale);
}

}  // namespace garage
