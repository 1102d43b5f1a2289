#include "embedding_rows.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "own_tokens.hpp"

namespace garage {
namespace {

constexpr std::int64_t kAtOnce = 1 << 20;  // numbers that are held for a mean over all rows

std::string_view text_of(const VocabularyPlan& plan, std::int64_t id) {
  const auto token = std::ranges::lower_bound(plan.tokens, id, {}, &Token::id);
  return token->text;
}

}  // namespace

EmbeddingRows::EmbeddingRows(const VocabularyPlan& plan, std::vector<std::size_t> models,
                             std::optional<std::size_t> base)
    : plan_(plan),
      models_(std::move(models)),
      base_(base),
      is_token_(static_cast<std::size_t>(plan.size)),
      rules_(static_cast<std::size_t>(plan.size)),
      has_padding_(static_cast<std::int64_t>(plan.tokens.size()) != plan.size) {
  for (const auto& token : plan_.tokens) is_token_[static_cast<std::size_t>(token.id)] = true;
  for (const auto& rule : plan_.rules) {
    rules_[static_cast<std::size_t>(rule.id)] = &rule;
    if (rule.source && std::find(models_.begin(), models_.end(), rule.source->first) == models_.end())
      throw Error(Errc::kInvalidArgument,
                  fmt::format("tokens: {} should have a row of model {}, which takes no part in this tensor",
                              in_quotes(text_of(plan_, rule.id)), rule.source->first));
  }
}

bool EmbeddingRows::is_forced(std::int64_t id) const {
  const auto* rule = rules_[static_cast<std::size_t>(id)];
  return rule && rule->force;
}

std::optional<EmbeddingRows::Row> EmbeddingRows::row_of(std::size_t model, std::int64_t id) const {
  const auto own = plan_.rows[model][static_cast<std::size_t>(id)];
  if (own < 0 || is_forced(id)) return std::nullopt;
  return Row{model, own};
}

void EmbeddingRows::mean_of(const std::vector<Row>& rows, const Read& read, std::span<float> out) const {
  std::vector<double> sum(out.size());
  for (const auto& [model, row] : rows) {
    read(model, row, out);
    std::transform(out.begin(), out.end(), sum.begin(), sum.begin(), std::plus<double>());
  }
  const auto count = static_cast<double>(rows.size());
  std::transform(sum.begin(), sum.end(), out.begin(),
                 [&](double number) { return static_cast<float>(number / count); });
}

void EmbeddingRows::fill_lacking(std::int64_t id, const Read& read, std::span<float> out) const {
  std::ranges::fill(out, 0.0F);
  if (const auto* rule = rules_[static_cast<std::size_t>(id)]) {
    if (rule->source) read(rule->source->first, rule->source->second, out);
    return;
  }
  std::vector<Row> rows;
  for (const auto model : models_)
    if (const auto row = plan_.rows[model][static_cast<std::size_t>(id)]; row >= 0) rows.push_back({model, row});
  const auto base = std::ranges::find_if(rows, [&](const auto& row) { return row.model == base_; });
  if (rows.empty()) return;
  if (base != rows.end()) return read(base->model, base->row, out);
  if (rows.size() == 1) return read(rows[0].model, rows[0].row, out);
  mean_of(rows, read, out);
}

void EmbeddingRows::fill(std::size_t model, std::int64_t first, std::int64_t columns, std::span<const float> padding,
                         const Read& read, std::span<float> out) const {
  const auto count = static_cast<std::int64_t>(out.size()) / columns;
  const auto width = static_cast<std::size_t>(columns);
  for (std::int64_t at = 0; at < count;) {
    auto rest = out.subspan(static_cast<std::size_t>(at) * width);
    std::int64_t run = 1;  // rows that lie behind each other in the model too are read at once
    if (const auto own = row_of(model, first + at)) {
      while (at + run < count) {
        const auto next = row_of(model, first + at + run);
        if (!next || next->row != own->row + run) break;
        ++run;
      }
      read(model, own->row, rest.first(static_cast<std::size_t>(run) * width));
    } else if (is_token_[static_cast<std::size_t>(first + at)]) {
      fill_lacking(first + at, read, rest.first(width));
    } else {
      std::ranges::copy(padding, rest.begin());
    }
    at += run;
  }
}

std::vector<float> EmbeddingRows::padding(std::size_t model, std::int64_t columns, const Read& read) const {
  const auto width = static_cast<std::size_t>(columns);
  const std::vector<float> zeros(width);  // of the rows that have no token: they add nothing
  std::vector<double> sum(width);
  const auto step = std::max<std::int64_t>(1, kAtOnce / columns);
  std::vector<float> piece;
  for (std::int64_t first = 0; first < plan_.size; first += step) {
    const auto count = std::min(step, plan_.size - first);
    piece.resize(static_cast<std::size_t>(count) * width);
    fill(model, first, columns, zeros, read, piece);
    for (std::size_t i = 0; i < piece.size(); ++i) sum[i % width] += piece[i];
  }
  std::vector<float> mean(width);
  const auto tokens = std::max<double>(1, static_cast<double>(plan_.tokens.size()));
  std::ranges::transform(sum, mean.begin(), [&](double number) { return static_cast<float>(number / tokens); });
  return mean;
}

bool EmbeddingRows::is_identity(std::size_t model, std::int64_t rows) const {
  if (has_padding_ || rows != plan_.size) return false;
  for (std::int64_t id = 0; id < plan_.size; ++id) {
    const auto row = row_of(model, id);
    if (!row || row->row != id) return false;
  }
  return true;
}

}  // namespace garage
