#include "packed.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

// What a tensor's name begins with, that of its module: "model.layers.0.mlp.up_proj" has qweight, scales, ...
std::string_view module_of(std::string_view tensor) { return tensor.substr(0, tensor.rfind('.')); }

const boost::json::value* quantiser_of(const MergeSource& source) {
  return source.located.model.config().if_contains("quantization_config");
}

bool may_stay_packed(const MergePlan& plan) {
  const auto* quantiser = quantiser_of(plan.sources[plan.base]);
  if (!quantiser || plan.vocabulary || plan.recipe.dtype || plan.recipe.out_dtype) return false;
  for (const auto& tensor : plan.tensors) {
    const auto& only = tensor.origins.front();
    if (tensor.method->name() != "passthrough" || !only.is_whole() || tensor.is_changed) return false;
    const auto& source = plan.sources[*only.source];
    const auto* other = quantiser_of(source);
    if (!other || *other != *quantiser || !source.located.model.source.adapters.empty()) return false;
  }
  return true;
}

class Packer {
 public:
  explicit Packer(MergePlan& plan) : plan_(plan) {
    for (const auto& [name, pattern] : plan.result->patterns) stored_[std::string(module_of(pattern))];
    for (const auto& tensor : plan.sources.with_stored(plan.base).stored->model.tensors()) {
      // A module's tensors may have names of several words: "weight.quant_state.bitsandbytes__nf4".
      auto module = module_of(tensor.name);
      while (!stored_.contains(std::string(module)) && module.find('.') != module.npos) module = module_of(module);
      if (const auto known = stored_.find(std::string(module)); known != stored_.end())
        known->second.push_back(&tensor);
    }
  }

  void pack() {
    std::map<std::string, PlannedTensor> packed;
    for (const auto& tensor : plan_.tensors) {
      const auto& pattern = plan_.result->patterns.at(tensor.info.name);
      for (const auto* each : stored_[std::string(module_of(pattern))]) {
        auto name = renamed(*each, pattern, tensor.info.name);
        if (packed.contains(name)) continue;
        packed.emplace(name, one(name, *each, tensor));
      }
    }
    plan_.tensors.clear();
    for (auto& [name, tensor] : packed) plan_.tensors.push_back(std::move(tensor));
    plan_.is_packed = true;
  }

 private:
  // The name of a packed tensor of one module as another's.
  static std::string renamed(const TensorInfo& stored, std::string_view module_tensor, std::string_view other) {
    return std::string(module_of(other)) + stored.name.substr(module_of(module_tensor).size());
  }

  PlannedTensor one(const std::string& name, const TensorInfo& pattern, const PlannedTensor& tensor) {
    const auto& from = tensor.origins.front();
    const auto& source = plan_.sources.with_stored(*from.source);
    const auto wanted = renamed(pattern, plan_.result->patterns.at(tensor.info.name), from.tensor->name);
    const auto* stored = source.stored->model.find(wanted);
    if (!stored || stored->dtype != pattern.dtype || stored->shape != pattern.shape)
      throw Error(
          Errc::kInvalidArgument,
          fmt::format("{}: tensor '{}' is {}, and {} of {} in the base: the models are not quantised in the same "
                      "way; 'dtype: bfloat16' in the recipe decodes them",
                      source.name, wanted, stored ? described(*stored) : "missing", pattern.name, described(pattern)));
    auto copy = tensor;
    copy.info = {name, pattern.dtype, pattern.shape};
    copy.origins.front().tensor = stored;
    copy.is_copied = copy.is_packed = true;
    return copy;
  }

  static std::string described(const TensorInfo& tensor) {
    return fmt::format("{} {}", to_string(tensor.dtype), shape_text(tensor.shape));
  }

  MergePlan& plan_;
  std::map<std::string, std::vector<const TensorInfo*>> stored_;  // of the base, by module
};

}  // namespace

void keep_packed(MergePlan& plan) {
  if (may_stay_packed(plan)) Packer(plan).pack();
}

}  // namespace garage
