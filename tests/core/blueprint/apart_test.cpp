#include <garage/blueprint/apart.hpp>

#include <catch2/catch_test_macros.hpp>

#include <garage/blueprint.hpp>

using namespace garage;

namespace {

Linear with_bias(const char* name) { return {.in = 2, .out = 2, .weight = {"w", {}}, .bias = TensorRef{name, {}}}; }

}  // namespace

TEST_CASE("apart: a copy has a value of its own", "[blueprint]") {
  const auto first = with_bias("b");
  auto second = first;
  CHECK(first == second);
  second.bias->tensor = "c";
  CHECK(first.bias->tensor == "b");
  CHECK(first != second);
  second = first;
  CHECK(second.bias == TensorRef{"b", {}});
  CHECK(&*second.bias != &*first.bias);
}

TEST_CASE("apart: what is moved from has no value left", "[blueprint]") {
  auto first = with_bias("b");
  const auto second = std::move(first);
  CHECK(second.bias.has_value());
  CHECK_FALSE(first.bias.has_value());  // NOLINT: it is asked what is left
}

TEST_CASE("apart: nothing is equal to nothing alone", "[blueprint]") {
  const Apart<int> none, zero = 0;
  CHECK(none == Apart<int>());
  CHECK(none == std::nullopt);
  CHECK_FALSE(none == zero);
  CHECK_FALSE(none == 0);
  CHECK(zero == 0);
  CHECK_THROWS_AS(none.value(), std::bad_optional_access);
}

TEST_CASE("apart: a layer without a bias takes less room than its bias and its weight would", "[blueprint]") {
  CHECK(sizeof(Linear) < 2 * sizeof(TensorRef));
  CHECK(sizeof(Attention) < 1300);  // bytes: each expert's part takes as many
}
