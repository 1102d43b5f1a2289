#include "../../../../core/src/merge/tokens/embedding_rows.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "is_error.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;
using Numbers = std::vector<float>;

namespace {

constexpr std::int64_t kColumns = 2;

// Row r of model m is (100 m + r, -r).
void read_row(std::size_t model, std::int64_t first, std::span<float> out) {
  for (std::size_t i = 0; i < out.size() / kColumns; ++i) {
    const auto row = static_cast<float>(first) + static_cast<float>(i);
    out[i * kColumns] = static_cast<float>(100 * model) + row;
    out[i * kColumns + 1] = -row;
  }
}

// Three models; of six tokens the second lacks the first, and so on.
VocabularyPlan plan() {
  VocabularyPlan plan;
  plan.tokens = {{0, "everywhere"}, {1, "base and a"}, {2, "a and b"}, {3, "b"}, {4, "nowhere"}, {5, "all but a"}};
  plan.size = 6;
  plan.rows = {{0, 1, -1, -1, -1, 2}, {3, 2, 1, -1, -1, -1}, {5, -1, 4, 3, -1, 2}};
  return plan;
}

Numbers filled(const EmbeddingRows& rows, std::size_t model, std::int64_t size, std::span<const float> padding = {}) {
  Numbers out(static_cast<std::size_t>(size * kColumns));
  rows.fill(model, 0, kColumns, padding, &read_row, out);
  return out;
}

}  // namespace

TEST_CASE("embedding rows: what a model lacks comes from the base, or those that have it", "[merge][tokens]") {
  const auto tokens = plan();
  const EmbeddingRows rows(tokens, {0, 1, 2}, 0);
  CHECK(filled(rows, 0, 6) == Numbers{0, 0, 1, -1, 152.5, -2.5, 203, -3, 0, 0, 2, -2});
  CHECK(filled(rows, 1, 6) == Numbers{103, -3, 102, -2, 101, -1, 203, -3, 0, 0, 2, -2});
  CHECK(filled(rows, 2, 6) == Numbers{205, -5, 1, -1, 204, -4, 203, -3, 0, 0, 202, -2});
}

TEST_CASE("embedding rows: without a base all that have a token give it", "[merge][tokens]") {
  const auto tokens = plan();
  const EmbeddingRows rows(tokens, {0, 1, 2}, std::nullopt);
  CHECK(filled(rows, 2, 6) == Numbers{205, -5, 51.5, -1.5, 204, -4, 203, -3, 0, 0, 202, -2});
  CHECK(filled(rows, 1, 6) == Numbers{103, -3, 102, -2, 101, -1, 203, -3, 0, 0, 102, -2});
}

TEST_CASE("embedding rows: models that take no part give nothing", "[merge][tokens]") {
  const auto tokens = plan();
  const EmbeddingRows rows(tokens, {0, 1}, 0);
  CHECK(filled(rows, 0, 6) == Numbers{0, 0, 1, -1, 101, -1, 0, 0, 0, 0, 2, -2});
}

TEST_CASE("embedding rows: the recipe's rule comes before, and stands for all where it is forced", "[merge][tokens]") {
  auto tokens = plan();
  const bool force = GENERATE(false, true);
  tokens.rules = {{1, std::pair{std::size_t{2}, std::int64_t{7}}, force}, {2, std::nullopt, force}};
  const EmbeddingRows rows(tokens, {0, 1, 2}, 0);
  const auto one = filled(rows, 0, 6), two = filled(rows, 2, 6);
  CHECK(Numbers(one.begin() + 2, one.begin() + 6) == (force ? Numbers{207, -7, 0, 0} : Numbers{1, -1, 0, 0}));
  CHECK(Numbers(two.begin() + 2, two.begin() + 6) == (force ? Numbers{207, -7, 0, 0} : Numbers{207, -7, 204, -4}));
}

TEST_CASE("embedding rows: a rule's model has to take part", "[merge][tokens][broken]") {
  auto tokens = plan();
  tokens.rules = {{1, std::pair{std::size_t{2}, std::int64_t{7}}, false}};
  REQUIRE_THROWS_MATCHES(
      EmbeddingRows(tokens, {0, 1}, 0), Error,
      is_error(Errc::kInvalidArgument, "tokens: 'base and a' should have a row of model 2, which takes no part"));
}

TEST_CASE("embedding rows: rows of no token are the mean of the model's others", "[merge][tokens]") {
  auto tokens = plan();
  tokens.tokens.erase(tokens.tokens.begin() + 4);  // a gap
  tokens.size = 8;
  for (auto& rows : tokens.rows) rows.resize(8, -1);
  const EmbeddingRows rows(tokens, {0, 1, 2}, 0);
  REQUIRE(rows.has_padding());
  const auto padding = rows.padding(0, kColumns, &read_row);
  CHECK(padding == Numbers{(0 + 1 + 152.5F + 203 + 2) / 5, (0 - 1 - 2.5F - 3 - 2) / 5});
  const auto out = filled(rows, 0, 8, padding);
  for (const auto row : {4, 6, 7}) CHECK(Numbers(out.begin() + 2 * row, out.begin() + 2 * row + 2) == padding);
}

TEST_CASE("embedding rows: pieces are those of the whole", "[merge][tokens]") {
  const auto tokens = plan();
  const EmbeddingRows rows(tokens, {0, 1, 2}, 0);
  const auto whole = filled(rows, 2, 6);
  const std::int64_t step = GENERATE(1, 2, 5);
  Numbers pieces;
  for (std::int64_t first = 0; first < 6; first += step) {
    Numbers piece(static_cast<std::size_t>(std::min(step, 6 - first) * kColumns));
    rows.fill(2, first, kColumns, {}, &read_row, piece);
    pieces.insert(pieces.end(), piece.begin(), piece.end());
  }
  CHECK(pieces == whole);
}

TEST_CASE("embedding rows: rows that lie behind each other are read at once", "[merge][tokens]") {
  VocabularyPlan tokens;
  tokens.size = 1000;
  tokens.rows.emplace_back();
  for (std::int64_t id = 0; id < tokens.size; ++id) {
    tokens.tokens.push_back({id, std::to_string(id)});
    tokens.rows[0].push_back(id < 500 ? id + 500 : id - 500);
  }
  const EmbeddingRows rows(tokens, {0}, 0);
  std::vector<std::pair<std::int64_t, std::size_t>> asked;
  Numbers out(2000);
  rows.fill(
      0, 0, kColumns, {},
      [&](std::size_t, std::int64_t first, std::span<float> to) { asked.emplace_back(first, to.size()); }, out);
  CHECK(asked == std::vector<std::pair<std::int64_t, std::size_t>>{{500, 1000}, {0, 1000}});
}

TEST_CASE("embedding rows: a model whose rows stay is known", "[merge][tokens]") {
  VocabularyPlan tokens;
  tokens.tokens = {{0, "a"}, {1, "b"}};
  tokens.size = 2;
  tokens.rows = {{0, 1}, {1, 0}};
  CHECK(EmbeddingRows(tokens, {0, 1}, 0).is_identity(0, 2));
  CHECK_FALSE(EmbeddingRows(tokens, {0, 1}, 0).is_identity(0, 3));
  CHECK_FALSE(EmbeddingRows(tokens, {0, 1}, 0).is_identity(1, 2));
  tokens.rules = {{1, std::nullopt, true}};
  CHECK_FALSE(EmbeddingRows(tokens, {0, 1}, 0).is_identity(0, 2));
  tokens.rules.clear();
  tokens.size = 3;
  for (auto& rows : tokens.rows) rows.push_back(-1);
  CHECK_FALSE(EmbeddingRows(tokens, {0, 1}, 0).is_identity(0, 3));
}
