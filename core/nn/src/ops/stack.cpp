#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "modules.hpp"
#include "passing_part.hpp"

namespace garage::nn {

namespace {

StackModule::Index index_of(const Blueprint& blueprint) {
  if (const auto* embedding = std::get_if<Embedding>(&blueprint)) return {embedding->indexed_by, embedding->padding_id};
  if (const auto* computed = std::get_if<SinusoidalEmbedding>(&blueprint))
    return {IndexedBy::positions, computed->padding_id};
  return {};
}

// create_position_ids_from_input_ids of modeling_roberta.py, from 0 on: how many tokens came before that are not
// padding, by their ids or as the caller says; of padding itself -1.
torch::Tensor counted_positions(const torch::Tensor& ids, std::int64_t padding_id, const Pass& pass) {
  const auto seen = pass.seen();
  auto counts = ids != padding_id;
  auto before = torch::full({1, 1}, seen, ids.options());
  if (const auto& mask = pass.attention_mask(); mask.defined()) {
    const auto all = (mask != 0).to(ids.device());
    counts = counts.logical_and(all.narrow(1, seen, ids.size(1)));
    before = all.narrow(1, 0, seen).sum(1, /*keepdim=*/true);
  }
  return (counts.cumsum(1) + before) * counts - 1;
}

// Of a kind that the caller may leave out: 0 for every token.
torch::Tensor or_zeros(const torch::Tensor& given, const char* what, const std::string& part,
                       const torch::Tensor& ids) {
  if (!given.defined()) return torch::zeros_like(ids);
  if (given.sizes() == ids.sizes()) return given.to(ids.device());
  throw Error(Errc::kInvalidArgument,
              fmt::format("{}: {} should be as the ids, {}, are {}", part, what, described(ids), described(given)));
}

}  // namespace

StackModule::StackModule(const std::string& name, const ModelSpec& spec, const Stack& stack, const TensorStore& store)
    : PartModule(name) {
  std::map<std::string, PartPtr> made;
  std::set<std::string> passing;
  std::shared_ptr<const ModelSpec> kept;  // for parts that are made later
  const auto add = [&](const std::string& part) {
    const auto [at, fresh] = made.emplace(part, nullptr);
    if (fresh) at->second = add_part(*this, spec, part, store);
    else recurs_ = true;
    return at->second;
  };
  for (const auto& embedding : stack.embeddings)
    embeddings_.push_back({add(embedding.part), index_of(*spec.parts.find(embedding.part)->blueprint)});
  // What is computed joins what has weights, and so a dtype.
  std::stable_partition(embeddings_.begin(), embeddings_.end(),
                        [](const MadeEmbedding& made) { return !made.part->parameters().empty(); });
  for (const auto& step : stack.parts) {
    const auto* part = spec.parts.find(step.part);
    if (!part || store.stays(*part, step.part)) {
      steps_.push_back({add(step.part), nullptr});
      continue;
    }
    if (!kept) kept = std::make_shared<const ModelSpec>(spec);
    if (!passing.insert(step.part).second) recurs_ = true;
    steps_.push_back({nullptr, std::make_shared<PassingPart>(kept, step.part, store)});
  }
}

torch::Tensor StackModule::indices(const MadeEmbedding& made, const torch::Tensor& ids, Pass& pass) const {
  if (!ids.defined()) return ids;
  switch (made.index.by) {
    case IndexedBy::tokens: return ids;
    case IndexedBy::types: return or_zeros(pass.token_type_ids(), "token_type_ids", name(), ids);
    case IndexedBy::tasks: return or_zeros(pass.task_type_ids(), "task_type_ids", name(), ids);
    case IndexedBy::positions: break;
  }
  if (made.index.padding_id && !pass.is_told_positions()) return counted_positions(ids, *made.index.padding_id, pass);
  return pass.position_ids(ids.device());
}

// What a caller says of tokens and nothing here reads would be lost without a word.
void StackModule::require_read(IndexedBy by, const torch::Tensor& given, const char* what) const {
  const auto reads = [&](const MadeEmbedding& made) { return made.index.by == by; };
  if (given.defined() && std::none_of(embeddings_.begin(), embeddings_.end(), reads))
    throw Error(Errc::kInvalidArgument, fmt::format("{}: has no embedding that {} could choose from", name(), what));
}

torch::Tensor StackModule::embedded(const torch::Tensor& ids, Pass& pass) {
  if (embeddings_.empty()) return ids;
  require_read(IndexedBy::types, pass.token_type_ids(), "token_type_ids");
  require_read(IndexedBy::tasks, pass.task_type_ids(), "task_type_ids");
  pass.take_ids(ids);
  torch::Tensor x;
  for (const auto& made : embeddings_) {
    const auto index = indices(made, ids, pass);
    const auto rows = made.part->forward(index.defined() ? carried_to(*made.part, index) : index, pass);
    x = x.defined() ? x + rows.to(x.options()) : rows;
  }
  return x;
}

torch::Tensor StackModule::compute(const torch::Tensor& input, Pass& pass) {
  if (recurs_ && pass.keeps_state())
    throw Error(Errc::kUnsupported,
                fmt::format("{}: runs a part again, which has one memory: it is not run piece by piece", name()));
  auto x = embedded(input, pass);
  std::unique_ptr<Summoned> here, next;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const auto& [module, passing] = steps_[i];
    if (passing) {
      pass.require_no_fixed_step();
      here = next ? std::move(next) : passing->summon();
    }
    if (i + 1 < steps_.size() && steps_[i + 1].passing) next = steps_[i + 1].passing->summon();
    x = passing ? here->forward(x, pass) : module->forward(carried_to(*module, x), pass);
    here.reset();
  }
  return x;
}

}  // namespace garage::nn
