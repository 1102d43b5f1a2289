#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "modules.hpp"

namespace garage::nn {
namespace {

// What goes on as x goes in: added to it, a result of another shape might be spread over it without a word.
torch::Tensor run(const PartPtr& part, const torch::Tensor& x, Pass& pass) {
  if (!part) return x;
  const auto result = part->forward(carried_to(*part, x), pass);
  if (!result.defined() || result.sizes() != x.sizes())
    throw Error(Errc::kInternal, fmt::format("{}: gave {} for {}, should give the same shape", part->name(),
                                             result.defined() ? described(result) : "nothing", described(x)));
  return result.to(x.options());
}

torch::Tensor scaled(const torch::Tensor& x, double scale) { return scale == 1 ? x : x * scale; }

}  // namespace

LayerModule::LayerModule(const std::string& name, const ModelSpec& spec, const Layer& layer, const TensorStore& store)
    : PartModule(name), scale_(store.weight(layer.scale).registered(*this, "scale")) {
  const auto add = [&](const std::string& part) { return add_part(*this, spec, part, store); };
  const auto maybe = [&](const std::optional<PartRef<PartRole::norm>>& part) {
    return part ? add(part->part) : nullptr;
  };
  for (const auto& stage : layer.stages) {
    auto& made = stages_.emplace_back(MadeStage{{}, stage.keep, nullptr, nullptr});
    for (const auto& branch : stage.branches) {
      const auto same = std::find_if(stage.branches.begin(), stage.branches.end(), [&](const Branch& other) {
        return branch.norm && other.norm == branch.norm;
      });
      const auto first = static_cast<std::size_t>(same - stage.branches.begin());
      const bool shares = first < made.branches.size();  // an earlier branch has made it
      auto norm = shares ? made.branches[first].norm : maybe(branch.norm);
      made.branches.push_back({std::move(norm), add(branch.op.part), maybe(branch.post_norm), branch.scale,
                               branch.input_scale});
    }
    made.sum_norm = maybe(stage.sum_norm);
    made.after = maybe(stage.after);
  }
}

// GPTNeoXLayer, PhiDecoderLayer: what the branches give is summed before it is added to what they were given.
torch::Tensor LayerModule::compute(const torch::Tensor& input, Pass& pass) {
  if (!input.defined() || !input.is_floating_point())
    throw Error(Errc::kInvalidArgument, fmt::format("{}: takes hidden_states, (batch, seq, hidden), not {}", name(),
                                                    input.defined() ? described(input) : "nothing"));
  auto x = input;
  for (const auto& stage : stages_) {
    torch::Tensor sum, normed;
    const PartModule* last_norm = nullptr;
    for (const auto& branch : stage.branches) {
      if (!branch.norm || branch.norm.get() != last_norm) normed = run(branch.norm, x, pass);
      last_norm = branch.norm.get();
      const auto result = scaled(run(branch.post_norm, run(branch.op, scaled(normed, branch.input_scale), pass), pass),
                                 branch.scale);
      sum = sum.defined() ? sum + result : result;
    }
    x = run(stage.after, run(stage.sum_norm, sum, pass) + scaled(x, stage.keep), pass);
  }
  return scale_.defined() ? x * scale_.dense().to(x.options()) : x;
}

}  // namespace garage::nn
