#include "question.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/name_ranges.hpp>

namespace garage {
namespace {

// Parts of the kind without one of them; nothing when it is the only one.
std::optional<std::string> others(const PartKind& kind, const std::string& part) {
  auto names = kind.members;
  std::erase(names, part);
  return names.empty() ? std::nullopt : std::optional(name_ranges(names));
}

}  // namespace

PartKind kind_of_part(const ModelSpec& spec, const PartQuery::Like& like) {
  if (is_whole_model(spec, like.part))
    throw Error(Errc::kInvalidArgument,
                fmt::format("'{}' is the whole model '{}': name one of its parts", like.part, like.model));
  for (auto& kind : part_kinds(spec))
    if (std::find(kind.members.begin(), kind.members.end(), like.part) != kind.members.end()) return kind;
  throw Error(Errc::kNotFound, fmt::format("'{}' has no part '{}'", like.model, like.part));
}

Question::Question(const PartQuery& query, std::optional<PartKind> like) : query_(query), like_(std::move(like)) {
  ask("part_type = ?", query.type);
  ask("family = ?", query.family);
  ask("activation = ?", query.activation);
  ask("norm = ?", query.norm);
  ask("? IN (input_dim, output_dim)", query.hidden_dim);
  ask("heads = ?", query.heads);
  ask("kv_heads = ?", query.kv_heads);
  ask("head_dim = ?", query.head_dim);
  ask("intermediate_dim = ?", query.intermediate_dim);
  ask("rope_theta = ?", query.rope_theta);
  if (!like_) return;
  wanted_ = indexed_kind(*like_);
  ask_level();
}

// Each level's own condition holds those before it.
void Question::ask_level() {
  const auto level = query_.swappable_with->level;
  ask("part_type = ?", std::optional(wanted_->part_type));
  ask("input_dim = ?", std::optional(wanted_->input_dim));
  ask("output_dim = ?", std::optional(wanted_->output_dim));
  if (level >= SwapLevel::weights) ask("tensors_hash = ?", std::optional(wanted_->tensors_hash));
  if (level >= SwapLevel::identical) ask("hash = ?", std::optional(wanted_->hash));
}

template <class T>
void Question::ask(const char* condition, const std::optional<T>& value) {
  if (!value) return;
  conditions_ += fmt::format("{} {}", conditions_.empty() ? " WHERE" : " AND", condition);
  values_.emplace_back(*value);
}

std::optional<FoundParts> Question::answer(FoundParts found, const std::string& hash,
                                           const std::string& tensors_hash) const {
  if (!wanted_) return found;
  const bool same = hash == wanted_->hash;
  found.level = same                                    ? SwapLevel::identical
                : tensors_hash == wanted_->tensors_hash ? SwapLevel::weights
                                                        : SwapLevel::drop_in;
  if (same && found.model == query_.swappable_with->model) {
    const auto rest = others(*like_, query_.swappable_with->part);
    if (!rest) return std::nullopt;
    found.parts = *rest;
  }
  return found;
}

}  // namespace garage
