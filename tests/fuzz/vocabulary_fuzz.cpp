// A tokenizer.json where the input begins like one, else a tokenizer.model. What is read can be planned with, and what
// is written with a token more is read as what was planned.
#include <algorithm>

#include "fuzzer.hpp"
#include "merge/tokens/write_tokenizer.hpp"
#include "scratch_file.hpp"

void garage_fuzz(std::string_view input) {
  static const garage::fuzz::ScratchFile json("tokenizer.json"), pieces("tokenizer.model"), out("tokenizer.json");
  const auto& file = input.starts_with('{') ? json : pieces;
  const auto folder = file.write(input).parent_path();
  const auto read = garage::read_vocabulary(folder).value();
  const auto rows = read.end();
  garage::fuzz::require(
      std::ranges::adjacent_find(read.tokens, std::ranges::greater_equal{}, &garage::Token::id) == read.tokens.end(),
      "ids ascend");
  const garage::TokenIds ids(read);
  for (const auto& token : read.tokens) garage::fuzz::require(ids.find(token.text) == token.id, "a text has one id");
  for (const auto& token : read.added) garage::fuzz::require(ids.find(token.text) >= 0, "an added token has an id");
  garage::fuzz::require(!garage::vocabulary_difference({"a", &read, rows}, {"b", &read, rows}), "it is like itself");
  if (&file != &json) return;
  const auto plan =
      garage::plan_vocabulary({{"a", folder, rows}}, 0, {garage::VocabularySource::union_of_all, 0, {{"<one more>"}}});
  if (plan.added.empty()) return;
  const auto to = out.write("").parent_path();
  garage::write_tokenizer(plan, to);
  garage::fuzz::require(garage::read_vocabulary(to)->tokens == plan.tokens, "what is written is what was planned");
}
