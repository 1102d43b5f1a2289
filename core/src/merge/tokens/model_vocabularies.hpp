// ModelVocabularies: those of a merge's models, each with a row of its model behind every token.
//
// Lifetime  Borrows the models.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vocabulary_plan.hpp"

namespace garage {

class ModelVocabularies {
 public:
  // base: the model whose tokens those have that have no tokenizer, where their embeddings have as many rows; notes
  // says which. Throws kInvalidArgument, kCorrupt (a token beyond its model's rows), what read_vocabulary throws.
  ModelVocabularies(const std::vector<VocabularyModel>& models, std::size_t base, std::vector<std::string>& notes);
  ModelVocabularies(const ModelVocabularies&) = delete;  // ids_ has views
  ModelVocabularies& operator=(const ModelVocabularies&) = delete;

  std::size_t size() const { return models_.size(); }
  std::size_t base() const { return base_; }
  const VocabularyModel& model(std::size_t place) const { return models_[place]; }
  const Vocabulary& of(std::size_t place) const { return *read_[read_[place] ? place : base_]; }
  std::int64_t find(std::size_t place, std::string_view token) const { return ids_[place].find(token); }  // -1: none

 private:
  void require_rows_of_base(std::size_t place) const;
  void require_rows(std::size_t place) const;

  const std::vector<VocabularyModel>& models_;
  std::size_t base_;
  std::vector<std::optional<Vocabulary>> read_;
  std::vector<TokenIds> ids_;
};

}  // namespace garage
