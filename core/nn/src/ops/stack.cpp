#include <map>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "modules.hpp"

namespace garage::nn {

StackModule::StackModule(const std::string& name, const ModelSpec& spec, const Stack& stack, const TensorStore& store)
    : PartModule(name) {
  std::map<std::string, PartPtr> made;
  const auto add = [&](const std::string& part) {
    const auto [at, fresh] = made.emplace(part, nullptr);
    if (fresh) at->second = add_part(*this, spec, part, store);
    else recurs_ = true;
    return at->second;
  };
  for (const auto& embedding : stack.embeddings) embeddings_.push_back(add(embedding.part));
  for (const auto& step : stack.parts) steps_.push_back(add(step.part));
}

torch::Tensor StackModule::embedded(const torch::Tensor& ids, Pass& pass) {
  if (embeddings_.empty()) return ids;
  torch::Tensor x;
  for (const auto& part : embeddings_) {
    const auto* embedding = dynamic_cast<const EmbeddingModule*>(part.get());
    const bool by_tokens = !embedding || embedding->indexed_by() == IndexedBy::tokens || !ids.defined();
    const auto indices = by_tokens ? ids : pass.position_ids(ids.device());
    const auto rows = part->forward(indices.defined() ? carried_to(*part, indices) : indices, pass);
    x = x.defined() ? x + rows.to(x.options()) : rows;
  }
  return x;
}

torch::Tensor StackModule::compute(const torch::Tensor& input, Pass& pass) {
  if (recurs_ && pass.keeps_state())
    throw Error(Errc::kUnsupported,
                fmt::format("{}: runs a part again, which has one memory: it is not run piece by piece", name()));
  auto x = embedded(input, pass);
  for (const auto& step : steps_) x = step->forward(carried_to(*step, x), pass);
  return x;
}

}  // namespace garage::nn
