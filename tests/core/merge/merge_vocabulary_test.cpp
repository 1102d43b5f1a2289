// Models with other tokens than each other: no row is cut, and each is its token's.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/checkpoint.hpp>
#include <garage/json.hpp>
#include <garage/merge.hpp>

#include "broken_off.hpp"
#include "is_error.hpp"
#include "kitchen.hpp"
#include "merged.hpp"
#include "places.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

using Ids = std::map<std::string, std::int64_t>;

// As tokenizers has them: the vocabulary's, and the added tokens at theirs.
Ids ids_of(const fs::path& folder) {
  const auto file = parse_json(read_text(folder / "tokenizer.json"), "tokenizer.json").as_object();
  Ids ids;
  for (const auto& [text, id] : file.at("model").at("vocab").as_object()) ids[std::string(text)] = id.to_number<std::int64_t>();
  for (const auto& token : file.at("added_tokens").as_array())
    ids[std::string(token.at("content").as_string())] = token.at("id").to_number<std::int64_t>();
  return ids;
}

constexpr std::size_t kHidden = 16;

std::vector<float> row(const std::vector<float>& numbers, std::int64_t at) {
  const auto begin = numbers.begin() + at * static_cast<std::int64_t>(kHidden);
  return {begin, begin + kHidden};
}

// The models a and b of tests/data/merges, each with a tokenizer.
struct TokenKitchen : Kitchen {
  TokenKitchen() {
    for (const auto& [model, tokenizer] : {std::pair("a", "base"), std::pair("b", "a")}) {
      fs::copy(test_data("merges/models") / model, folder / model);
      give(model, tokenizer);
    }
  }
  void give(const std::string& model, const std::string& tokenizer) const {
    fs::copy(test_data("merges/tokenizers/bpe") / tokenizer, folder / model,
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  }
};

const std::string kLinear = "merge_method: linear\ndtype: float32\nbase_model: a\nmodels:\n  - {model: a, parameters: {weight: 0.25}}\n  - {model: b, parameters: {weight: 0.75}}\n";

}  // namespace

TEST_CASE("merge: other vocabularies are refused where nothing is said of them", "[merge][tokens]") {
  TokenKitchen kitchen;
  CHECK_THROWS_MATCHES(kitchen.merge(kLinear), Error, is_error(Errc::kInvalidArgument, "a and b: their vocabularies differ: "));
  CHECK_THROWS_MATCHES(kitchen.merge(kLinear), Error, is_error(Errc::kInvalidArgument, "say 'tokenizer: {source: union}' (or base, or a model) in the recipe"));
}

TEST_CASE("merge: of a union every token is merged with itself", "[merge][tokens]") {
  TokenKitchen kitchen;
  kitchen.merge(kLinear + "tokenizer_source: union\n");
  const auto of_a = ids_of(kitchen.folder / "a"), of_b = ids_of(kitchen.folder / "b"), of_both = ids_of(kitchen.folder / "out");
  const auto a = all_numbers(kitchen.folder / "a"), b = all_numbers(kitchen.folder / "b"), out = all_numbers(kitchen.folder / "out");
  Ids all = of_a;
  all.insert(of_b.begin(), of_b.end());
  REQUIRE(of_both.size() == all.size());
  REQUIRE(all.size() > of_a.size());
  for (const auto* name : {"model.embed_tokens.weight", "lm_head.weight"})
    for (const auto& [token, id] : of_both) {
      INFO(name << " " << token);
      const auto in_a = of_a.find(token), in_b = of_b.find(token);
      // What one model lacks it has from the other.
      const auto from_a = in_a != of_a.end() ? row(a.at(name), in_a->second) : row(b.at(name), in_b->second);
      const auto from_b = in_b != of_b.end() ? row(b.at(name), in_b->second) : row(a.at(name), in_a->second);
      const auto made = row(out.at(name), id);
      for (std::size_t i = 0; i < kHidden; ++i) CHECK(std::abs(made[i] - (0.25F * from_a[i] + 0.75F * from_b[i])) < 1e-6F);
    }
  CHECK(kitchen.config().at("vocab_size") == static_cast<std::int64_t>(of_both.size()));
  CHECK(kitchen.registered()->vocab_size == static_cast<std::int64_t>(of_both.size()));
}

TEST_CASE("merge: the base's tokens, padded to a multiple", "[merge][tokens]") {
  TokenKitchen kitchen;
  kitchen.merge(kLinear + "tokenizer: {source: base, pad_to_multiple_of: 32}\n");
  CHECK(kitchen.config().at("vocab_size") == 32);
  CHECK(open_checkpoint(kitchen.folder / "out").find("lm_head.weight")->shape == std::vector<std::int64_t>{32, 16});
  CHECK(read_text(kitchen.folder / "out/tokenizer.json") == read_text(kitchen.folder / "a/tokenizer.json"));
}

TEST_CASE("merge: layers of one model keep its tokens where they are asked for", "[merge][tokens]") {
  TokenKitchen kitchen;
  kitchen.merge("merge_method: passthrough\nslices:\n  - sources: [{model: a, layer_range: [0, 2]}]\n  - sources: [{model: b, layer_range: [2, 4]}]\ntokenizer_source: b\n");
  CHECK(read_text(kitchen.folder / "out/tokenizer.json") == read_text(kitchen.folder / "b/tokenizer.json"));
  const auto of_b = ids_of(kitchen.folder / "b");
  CHECK(kitchen.config().at("vocab_size") == static_cast<std::int64_t>(of_b.size()));
  // The head is b's own.
  const auto head = numbers_of(kitchen.folder / "out", "lm_head.weight"), own = numbers_of(kitchen.folder / "b", "lm_head.weight");
  for (const auto& [token, id] : of_b) CHECK(row(head, id) == row(own, id));
}

TEST_CASE("merge: one that was broken off goes on with no other tokenizer", "[merge][tokens][write]") {
  TokenKitchen kitchen;
  write_text(kitchen.folder / "recipe.yaml", kLinear + "tokenizer_source: base\n");
  const auto merge = [&] { return Merge(kitchen.registry.registry, kitchen.folder / "recipe.yaml"); };
  break_off(merge(), kitchen.folder / "out", 20'000, 8'000);
  kitchen.give("b", "base");
  auto options = in_shards(8'000);
  options.resume = true;
  CHECK_THROWS_MATCHES(merge().write(kitchen.folder / "out", options), Error, is_error(Errc::kInvalidArgument, "another merge was broken off there"));
}
