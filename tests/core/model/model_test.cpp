#include <garage/model.hpp>

#include <bit>
#include <charconv>
#include <cmath>
#include <random>

#include <catch2/catch_test_macros.hpp>

#include <garage/json.hpp>

#include "is_error.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("model: tensors are found by name and listed in order", "[model]") {
  const Model model({{"b", DType::kF16, {2, 3}}, {"a", DType::kF32, {}}});
  REQUIRE(model.tensors().size() == 2);
  CHECK(model.tensors()[0].name == "a");
  CHECK(model.find("b")->elements() == 6);
  CHECK(model.find("a")->elements() == 1);
  CHECK(model.find("c") == nullptr);
}

TEST_CASE("model: a tensor that the file dropped is found under the name that it kept", "[model]") {
  const Model model({{"embed.weight", DType::kF32, {2, 3}}}, {}, {{"format", "pt"}, {"lm_head.weight", "embed.weight"}});
  CHECK(model.resolve("lm_head.weight") == model.find("embed.weight"));
  CHECK(model.resolve("format") == nullptr);
  CHECK(model.resolve("other") == nullptr);
}

TEST_CASE("model: two tensors of one name, and negative dimensions, are refused", "[model]") {
  CHECK_THROWS_MATCHES(Model({{"a", DType::kF32, {1}}, {"a", DType::kF32, {2}}}), Error, is_error(Errc::kCorrupt, "tensor 'a' stands twice"));
  CHECK_THROWS_MATCHES(Model({{"a", DType::kF32, {4, -2}}}), Error, is_error(Errc::kCorrupt, "tensor 'a' has a negative dimension: [4, -2]"));
}

TEST_CASE("model: tensors that nobody asks for are never loaded", "[model]") {
  int loads = 0;
  const Model model([&] { ++loads; return std::vector<TensorInfo>{{"a", DType::kF32, {1}}}; }, {{"model_type", "llama"}}, {});
  CHECK(model.config().contains("model_type"));
  CHECK(loads == 0);
  CHECK(model.tensors().size() == 1);
  CHECK(model.find("a") != nullptr);
  CHECK(loads == 1);
}

TEST_CASE("model: elements do not overflow", "[model]") {
  CHECK(TensorInfo{"a", DType::kF32, {INT64_MAX, 2}}.elements() == INT64_MAX);
  CHECK(TensorInfo{"a", DType::kF32, {INT64_MAX, 2, 0}}.elements() == 0);
}

TEST_CASE("json: faults are told by line and column", "[model][json]") {
  CHECK_THROWS_MATCHES(parse_json("{\n \"a\": tru\n}", "x.json"), Error, is_error(Errc::kCorrupt, "x.json: not valid JSON at line 2"));
  CHECK_THROWS_MATCHES(require_unique_keys(R"({"a": {"b": 1, "b": 2}})", "x.json"), Error, is_error(Errc::kCorrupt, "x.json: key 'b' stands twice"));
  CHECK_NOTHROW(require_unique_keys(R"({"a": {"b": 1}, "c": [{"b": 1}, {"b": 2}]})", "x.json"));
}

TEST_CASE("json: a number is the nearest double to what is written", "[model][json]") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const auto number = std::bit_cast<double>(random());
    if (!std::isfinite(number)) continue;
    char digits[32];
    const std::string text(digits, std::to_chars(digits, std::end(digits), number, std::chars_format::scientific).ptr);
    if (parse_json(text, "x").as_double() != number) FAIL(text);
  }
  CHECK(parse_json("0.17677669529663687", "x") == 0.17677669529663687);
  CHECK(parse_json("[1, -2, 18446744073709551615, 18446744073709551616, 1.5, true, null]", "x") ==
        boost::json::value{1, -2, 18446744073709551615u, 18446744073709551616.0, 1.5, true, nullptr});
}
