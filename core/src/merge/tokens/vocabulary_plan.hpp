// VocabularyPlan: the tokens of a merge's result, and where each model has their rows.
//
// The rules are mergekit's (its documentation, "Tokenizer Configuration"; tokenizer/build.py):
//
//   source    base: the base's tokens. model: that model's. union: the base's at their ids, then those of the other
//             models that it lacks, model by model in the order of ids: first all that models know by themselves, then
//             all that was added to them. What comes to the base's is in the result an added token.
//   tokens    a token that is named and lacking is added at the end; one that is there stays what it is. Its source is
//             what models get that lack it; with force all get it.
//   padding   the number of rows is raised to a multiple; rows of no token are the mean of the others.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "vocabulary.hpp"

namespace garage {

// What a recipe asks for. A model is its place in the list that plan_vocabulary gets.
struct ZeroRow {};
// The token's own row in that model.
struct SameToken {
  std::size_t model;
};
// The row of another token.
struct OtherToken {
  std::size_t model;
  std::variant<std::int64_t, std::string> token;  // by id, by its text
};
struct TokenRule {
  std::string token;
  std::variant<std::monostate, ZeroRow, SameToken, OtherToken> source;  // monostate: as any other token
  bool force = false;
};

enum class VocabularySource { union_of_all, base, model };

struct VocabularyRecipe {
  VocabularySource source = VocabularySource::union_of_all;
  std::size_t model = 0;  // of VocabularySource::model
  std::vector<TokenRule> tokens;
  std::int64_t pad_to_multiple_of = 1;
};

struct VocabularyModel {
  std::string name;  // what messages call it
  std::filesystem::path folder;
  std::int64_t rows;  // of its embedding
};

struct VocabularyPlan {
  std::int64_t size = 0;                        // rows of the result's embedding and head, and the config's vocab_size
  std::vector<Token> tokens;                    // of the result, by id
  std::vector<AddedToken> added;                // those that the donor's files lack, in the order of their ids
  std::filesystem::path donor;                  // the folder whose tokenizer files become the result's
  std::vector<std::vector<std::int64_t>> rows;  // a model, each of `size`: its row of that id's token; -1: none
  struct Rule {
    std::int64_t id;
    std::optional<std::pair<std::size_t, std::int64_t>> source;  // model and row; nothing: zeros
    bool force;
  };
  std::vector<Rule> rules;         // of the recipe's tokens, by id
  std::vector<std::string> notes;  // what somebody may wonder about
};

// base: the recipe's base_model; where it has none the first model is the one whose tokenizer is the base.
// Throws what read_vocabulary throws, and kInvalidArgument (a token that a model should give and has not, an id beyond
// its rows, no model at all, ...), kCorrupt (a token whose id is beyond the rows of its own model), kUnsupported
// (tokenizers that cannot be united, and why).
VocabularyPlan plan_vocabulary(const std::vector<VocabularyModel>& models, std::optional<std::size_t> base,
                               const VocabularyRecipe& recipe);

}  // namespace garage
