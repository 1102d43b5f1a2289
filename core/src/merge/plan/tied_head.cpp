#include "tied_head.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

constexpr const char* kKey = "tie_word_embeddings";
constexpr const char* kUsualName = "lm_head.weight";

// Wherever the config says it, and at its top.
void say(boost::json::object& config, bool tie, bool is_top) {
  if (is_top || config.contains(kKey)) config[kKey] = tie;
  for (auto& member : config)
    if (auto* inner = member.value().if_object()) say(*inner, tie, false);
}

}  // namespace

std::optional<Head> head_of(const ModelSpec& spec) {
  std::optional<Head> found;
  for (const auto& [name, part] : spec.parts) {
    const auto* head = part.blueprint ? std::get_if<OutputHead>(&*part.blueprint) : nullptr;
    if (!head) continue;
    if (found) return std::nullopt;
    found = Head{name, head->projection.weight.tensor, {}};
    if (head->tied_to) found->tied_to = head->tied_to->part;
  }
  return found;
}

void set_tie(bool tie, const MergeSource& base, ResultTensors& tensors, boost::json::object& config) {
  const auto head = head_of(base.spec);
  if (!head)
    throw Error(Errc::kUnsupported,
                fmt::format("{}: has no head of its own, so that 'tie_word_embeddings' says nothing", base.name));
  if (head->tied_to.has_value() == tie) return;
  say(config, tie, true);
  if (tie) {
    std::erase_if(tensors.tensors, [&](const TensorInfo& tensor) { return tensor.name == head->tensor; });
    return;
  }
  const auto* embedding = base.located.model.find(head->tensor);
  tensors.tensors.push_back({kUsualName, embedding->dtype, embedding->shape});
  tensors.patterns[kUsualName] = embedding->name;
}

}  // namespace garage
