// ResultTokens: the tokens of a merge's result as they come together: a model's, and what is added to them.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

#include <boost/unordered/unordered_flat_map.hpp>

#include "model_vocabularies.hpp"
#include "vocabulary_plan.hpp"

namespace garage {

class ResultTokens {
 public:
  // donor: outlives this. plan: its tokens, added and donor are filled.
  ResultTokens(const Vocabulary& donor, VocabularyPlan& plan);

  std::int64_t find(std::string_view text) const;  // -1: there is none

  // A token that is there keeps its id. One that was the model's own is from now on looked for before the model sees a
  // text, as it is with the model that brings it. Throws kUnsupported when the donor cannot take a new one.
  void add(const AddedToken& token);

  // All tokens that other models have: first what they know by themselves, then what was added to them, as mergekit has
  // it (tokenizer/build.py, build_union_tokenizer). Throws kUnsupported when one is of another kind than the base.
  void unite(const ModelVocabularies& models);

  void sort_added();  // by id

 private:
  void require_next_id(std::string_view text) const;

  const Vocabulary& donor_;
  VocabularyPlan& plan_;
  std::deque<std::string> new_;                                                                 // stay where they are
  boost::unordered_flat_map<std::string_view, std::int64_t, std::hash<std::string_view>> ids_;  // views of donor_, new_
  std::unordered_set<std::string> added_;
};

}  // namespace garage
