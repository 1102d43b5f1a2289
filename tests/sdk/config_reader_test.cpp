#include <garage/sdk/config_reader.hpp>

#include <functional>

#include <boost/json/parse.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "is_error.hpp"

using namespace garage;
using namespace garage::sdk;
using namespace garage::test;

TEST_CASE("config reader: a number that is none is refused by the name of the key that is asked for", "[sdk][config]") {
  struct Case { const char* title; std::function<void(const ConfigReader&)> ask; };
  const auto c = GENERATE(values<Case>({
      {"dimension", [](const auto& reader) { reader.dimension("key"); }},
      {"maybe_dimension", [](const auto& reader) { reader.maybe_dimension("key"); }},
      {"positive", [](const auto& reader) { reader.positive("key", 1); }},
      {"maybe_number", [](const auto& reader) { reader.maybe_number("key"); }},
      {"count", [](const auto& reader) { reader.count("key", 0); }},
      {"numbers", [](const auto& reader) { reader.numbers("key"); }},
      {"texts", [](const auto& reader) { reader.texts("key"); }},
      {"indices", [](const auto& reader) { reader.indices("key"); }},
      {"flag", [](const auto& reader) { reader.flag("key", false); }},
      {"text", [](const auto& reader) { reader.text("key", ""); }},
      {"maybe_object", [](const auto& reader) { reader.maybe_object("key"); }},
  }));
  DYNAMIC_SECTION(c.title) {
    const auto config = boost::json::parse(R"({"key": {"__float__": "NaN"}, "hidden_size": 4})").as_object();
    const ConfigReader reader(config);
    CHECK_THROWS_MATCHES(c.ask(reader), Error, is_error(Errc::kCorrupt, "config.json: 'key' is NaN, should be "));
    CHECK(reader.dimension("hidden_size") == 4);
  }
}

TEST_CASE("config reader: an absent section has every key's default, and its errors name it", "[sdk][config]") {
  const auto config = boost::json::parse(R"({"vision_config": {"hidden_size": -1}, "text_config": null})").as_object();
  const ConfigReader reader(config);
  CHECK(reader.section("text_config").dimension("hidden_size", 7) == 7);
  CHECK(reader.section("nowhere").path() == "config.json: nowhere");
  CHECK_THROWS_MATCHES(reader.section("vision_config").dimension("hidden_size", 7), Error,
                       is_error(Errc::kCorrupt, "config.json: vision_config: 'hidden_size' is -1"));
}

TEST_CASE("config reader: of several names of a key two that disagree are refused", "[sdk][config]") {
  const auto config = boost::json::parse(R"({"a": 4, "b": 4, "c": 5})").as_object();
  const ConfigReader reader(config);
  CHECK(reader.dimension_of({"a", "b"}, 1) == 4);
  CHECK(reader.dimension_of({"x", "c"}, 1) == 5);
  CHECK(reader.dimension_of({"x", "y"}, 1) == 1);
  CHECK_THROWS_MATCHES(reader.dimension_of({"a", "b", "c"}, 1), Error,
                       is_error(Errc::kCorrupt, "config.json: 'c' is 5, should be what 'a' is, whose other name it is"));
}
