// EmbeddingRows: the rows of one tensor that has a row a token (the embedding, the head), one tensor a model, brought
// to the vocabulary of a merge's result, so that the models' rows can be merged like any others.
//
// What a model lacks it gets, as in mergekit (tokenizer/embed.py, PermutedEmbeddings): what the recipe says of that
// token; else the row of the only model that has it; else the base's if that has it; else the mean of those that have
// it; zeros where none has. What the recipe forces, models get that have the token too. Rows of no token are the mean
// of the model's rows of tokens.
//
// Lifetime  Borrows the plan.
// Threads   Const once made; members may be called from several threads at once when read may.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "vocabulary_plan.hpp"

namespace garage {

class EmbeddingRows {
 public:
  // Row `first` and those after it, as many as out has room for, of that model's tensor; a model is its place in the
  // plan's list.
  using Read = std::function<void(std::size_t model, std::int64_t first, std::span<float> out)>;

  // models: which of the plan's take part in this tensor, the base among them; base: the recipe's base_model.
  // Throws kInvalidArgument when the recipe gives a token the row of a model that takes no part.
  EmbeddingRows(const VocabularyPlan& plan, std::vector<std::size_t> models, std::optional<std::size_t> base);

  // Whether the result has rows of no token.
  bool has_padding() const noexcept { return has_padding_; }
  // The mean of that model's rows of tokens, one row. Reads all of them, so ask once a tensor.
  // Requires: has_padding().
  std::vector<float> padding(std::size_t model, std::int64_t columns, const Read& read) const;

  // The result's row `first` and those after it, as that model has them. out: row-major, whole rows of `columns`.
  // padding: as above; empty where has_padding() is false.
  void fill(std::size_t model, std::int64_t first, std::int64_t columns, std::span<const float> padding,
            const Read& read, std::span<float> out) const;

  // Whether the result's rows are that model's own, each in its place and no more of them than it has: nothing has to
  // be gathered. rows: of its tensor.
  bool is_identity(std::size_t model, std::int64_t rows) const;

 private:
  struct Row {
    std::size_t model;
    std::int64_t row;
  };

  bool is_forced(std::int64_t id) const;
  std::optional<Row> row_of(std::size_t model, std::int64_t id) const;  // where it is one row of one model
  void fill_lacking(std::int64_t id, const Read& read, std::span<float> out) const;
  void mean_of(const std::vector<Row>& rows, const Read& read, std::span<float> out) const;

  const VocabularyPlan& plan_;
  std::vector<std::size_t> models_;
  std::optional<std::size_t> base_;
  std::vector<bool> is_token_;                      // each of plan.size
  std::vector<const VocabularyPlan::Rule*> rules_;  // the same: null where the recipe says nothing
  bool has_padding_;
};

}  // namespace garage
