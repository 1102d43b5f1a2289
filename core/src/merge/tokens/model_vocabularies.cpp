#include "model_vocabularies.hpp"

#include <fmt/format.h>

#include <garage/error.hpp>

#include "own_tokens.hpp"

namespace garage {

ModelVocabularies::ModelVocabularies(const std::vector<VocabularyModel>& models, std::size_t base,
                                     std::vector<std::string>& notes)
    : models_(models), base_(base) {
  read_.reserve(models.size());
  for (const auto& model : models) read_.push_back(read_vocabulary(model.folder));
  if (!read_[base])
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: has no files of a tokenizer, and its tokens are asked for", models[base].name));
  for (std::size_t place = 0; place < models.size(); ++place) {
    if (!read_[place]) {
      require_rows_of_base(place);
      notes.push_back(fmt::format("{}: has no files of a tokenizer, its tokens are taken to be those of {}",
                                  models[place].name, models[base].name));
    }
    require_rows(place);
    ids_.emplace_back(of(place));
  }
}

void ModelVocabularies::require_rows_of_base(std::size_t place) const {
  const auto &model = models_[place], &base = models_[base_];
  if (model.rows == base.rows) return;
  throw Error(Errc::kInvalidArgument,
              fmt::format("{}: has no files of a tokenizer, and its embedding has {} rows, that of {} has {}",
                          model.name, model.rows, base.name, base.rows));
}

void ModelVocabularies::require_rows(std::size_t place) const {
  const auto& vocabulary = of(place);
  const auto& model = models_[place];
  if (vocabulary.end() <= model.rows) return;
  const auto& last = vocabulary.tokens.back();
  throw Error(Errc::kCorrupt,
              fmt::format("{}: token {} has id {}, and the embedding of {} has {} rows", vocabulary.file.string(),
                          in_quotes(last.text), last.id, model.name, model.rows));
}

}  // namespace garage
