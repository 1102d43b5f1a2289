#include "recorded_stage.hpp"

namespace garage::nn {
namespace {

bool is_around(const Stage& stage, const std::string& part) {
  if (stage.branches.size() != 1 || stage.keep != 1 || stage.sum_norm) return false;
  const auto& branch = stage.branches.front();
  return branch.op.part == part && branch.scale == 1 && !branch.post_norm;
}

}  // namespace

std::optional<Stage> stage_around(const ModelSpec& spec, const std::string& part) {
  for (const auto& [name, holder] : spec.parts) {
    const auto* layer = holder.blueprint ? std::get_if<Layer>(&*holder.blueprint) : nullptr;
    if (!layer) continue;
    for (const auto& stage : layer->stages)
      if (is_around(stage, part)) return stage;
  }
  return std::nullopt;
}

torch::Tensor run_stage(const Stage& stage, const torch::Tensor& x,
                        const std::function<torch::Tensor(const std::string& part, const torch::Tensor& x)>& run) {
  const auto& branch = stage.branches.front();
  const auto sum = x + run(branch.op.part, branch.norm ? run(branch.norm->part, x) : x);
  return stage.after ? run(stage.after->part, sum) : sum;
}

}  // namespace garage::nn
