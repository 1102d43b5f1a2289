#include <algorithm>
#include <map>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "modules.hpp"

namespace garage::nn {

namespace {

bool counts_positions(const Blueprint& blueprint) {
  if (const auto* embedding = std::get_if<Embedding>(&blueprint)) return embedding->indexed_by == IndexedBy::positions;
  return std::holds_alternative<SinusoidalEmbedding>(blueprint);
}

}  // namespace

StackModule::StackModule(const std::string& name, const ModelSpec& spec, const Stack& stack, const TensorStore& store)
    : PartModule(name) {
  std::map<std::string, PartPtr> made;
  const auto add = [&](const std::string& part) {
    const auto [at, fresh] = made.emplace(part, nullptr);
    if (fresh) at->second = add_part(*this, spec, part, store);
    else recurs_ = true;
    return at->second;
  };
  for (const auto& embedding : stack.embeddings)
    embeddings_.push_back({add(embedding.part), counts_positions(*spec.parts.find(embedding.part)->blueprint)});
  // What is computed joins what has weights, and so a dtype.
  std::stable_partition(embeddings_.begin(), embeddings_.end(),
                        [](const MadeEmbedding& made) { return !made.part->parameters().empty(); });
  for (const auto& step : stack.parts) steps_.push_back(add(step.part));
}

torch::Tensor StackModule::embedded(const torch::Tensor& ids, Pass& pass) {
  if (embeddings_.empty()) return ids;
  pass.take_ids(ids);
  torch::Tensor x;
  for (const auto& [part, of_positions] : embeddings_) {
    const auto indices = of_positions && ids.defined() ? pass.position_ids(ids.device()) : ids;
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
