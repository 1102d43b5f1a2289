#include <garage/sdk/rope_config.hpp>

#include <cmath>

#include <boost/json/parse.hpp>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "is_error.hpp"

using namespace garage;
using namespace garage::sdk;
using namespace garage::test;

namespace {

Rope read(std::string_view json, std::int64_t head_dim = 8, std::int64_t max_positions = 4096) {
  const auto config = boost::json::parse(json);
  return read_rope(ConfigReader(config.get_object()), head_dim, max_positions);
}

}  // namespace

TEST_CASE("rope: the keys of transformers 4 and 5 say the same", "[sdk][rope]") {
  struct Case { const char* title; const char* v4; const char* v5; };
  const auto c = GENERATE(values<Case>({
      {"default", R"({"rope_theta": 20000})", R"({"rope_parameters": {"rope_type": "default", "rope_theta": 20000}})"},
      {"null scaling", R"({"rope_theta": 20000, "rope_scaling": null})", R"({"rope_parameters": {"rope_theta": 20000}})"},
      {"linear", R"({"rope_scaling": {"type": "linear", "factor": 2}})", R"({"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000}})"},
      {"dynamic", R"({"rope_scaling": {"type": "dynamic", "factor": 4}})", R"({"rope_parameters": {"rope_type": "dynamic", "factor": 4, "rope_theta": 10000.0}})"},
      {"llama3",
       R"({"rope_theta": 500000, "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 8192}})",
       R"({"rope_parameters": {"rope_theta": 500000, "rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 8192}})"},
      {"yarn", R"({"rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 1024}})",
       R"({"rope_parameters": {"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 1024}})"},
      {"part of a head", R"({"partial_rotary_factor": 0.5})", R"({"rope_parameters": {"partial_rotary_factor": 0.5}})"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK(read(c.v4) == read(c.v5)); }
}

TEST_CASE("rope: theta is looked for in the rope's own object, then at the top, then in the class", "[sdk][rope]") {
  CHECK(read("{}").theta == 10000);
  CHECK(read(R"({"rope_theta": 5})").theta == 5);
  // As in Llama-3.2's configs of transformers 4.40, where it stands in both places.
  CHECK(read(R"({"rope_theta": 5, "rope_scaling": {"rope_type": "linear", "factor": 2, "rope_theta": 7}})").theta == 7);
  CHECK(read("{}").dims == 8);
  CHECK(read(R"({"partial_rotary_factor": 0.25})").dims == 2);
}

TEST_CASE("rope: what a scaling leaves out is resolved as transformers does", "[sdk][rope]") {
  // modeling_rope_utils.py, _compute_dynamic_ntk_parameters and _compute_yarn_parameters.
  CHECK(read(R"({"rope_scaling": {"type": "dynamic", "factor": 2}})").scaling.original_max_position_embeddings == 4096);
  const auto yarn = read(R"({"rope_scaling": {"rope_type": "yarn", "factor": 4}})").scaling;
  CHECK(yarn.original_max_position_embeddings == 4096);
  CHECK(yarn.beta_fast == 32);
  CHECK(yarn.beta_slow == 1);
  CHECK(yarn.truncate == true);
  CHECK(*yarn.attention_factor == Catch::Approx(0.1 * std::log(4.0) + 1).epsilon(1e-12));
  const auto no_factor = read(R"({"rope_scaling": {"rope_type": "yarn", "original_max_position_embeddings": 1024}})").scaling;
  CHECK(no_factor.factor == 4);
  const auto deepseek = read(R"({"rope_scaling": {"type": "yarn", "factor": 40, "mscale": 0.707, "mscale_all_dim": 0.707}})").scaling;
  CHECK(*deepseek.attention_factor == Catch::Approx(1).epsilon(1e-12));
  CHECK(*read(R"({"rope_scaling": {"type": "yarn", "factor": 4, "attention_factor": 1.5}})").scaling.attention_factor == 1.5);
}

TEST_CASE("rope: a senseless one is refused by key and value", "[sdk][rope]") {
  struct Case { const char* json; Errc code; const char* says; };
  const auto c = GENERATE(values<Case>({
      {R"({"rope_theta": -1})", Errc::kCorrupt, "config.json: 'rope_theta' is -1, should be a number above 0"},
      {R"({"partial_rotary_factor": 1e300})", Errc::kCorrupt, "of 8 dimensions of a head (partial_rotary_factor 1e+300), should be an even number of them"},
      {R"({"partial_rotary_factor": 1e-300})", Errc::kCorrupt, "the rope turns 0 of 8 dimensions"},
      {R"({"partial_rotary_factor": 0.4})", Errc::kCorrupt, "the rope turns 3 of 8 dimensions"},
      {R"({"partial_rotary_factor": 1.25})", Errc::kCorrupt, "the rope turns 10 of 8 dimensions"},
      {R"({"rope_theta": "10000"})", Errc::kCorrupt, "'rope_theta' is \"10000\", should be a number"},
      {R"({"rope_scaling": "linear"})", Errc::kCorrupt, "'rope_scaling' is \"linear\", should be an object"},
      {R"({"rope_scaling": {"type": "linear"}})", Errc::kCorrupt, "config.json: rope_scaling: has no 'factor', should be a number above 0"},
      {R"({"rope_scaling": {"type": "linear", "factor": 0}})", Errc::kCorrupt, "'factor' is 0, should be a number above 0"},
      {R"({"rope_scaling": {"type": "llama3", "factor": 8}})", Errc::kCorrupt, "has no 'low_freq_factor'"},
      {R"({"rope_scaling": {"type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 1}})", Errc::kCorrupt, "should be less than high_freq_factor"},
      {R"({"rope_scaling": {"type": 3}})", Errc::kCorrupt, "'type' is 3, should be a string"},
      {R"({"rope_scaling": {"rope_type": "spiral"}})", Errc::kUnsupported, "rope_type 'spiral' is none that this plugin knows"},
      {R"({"partial_rotary_factor": 2})", Errc::kCorrupt, "turns 16 of 8 dimensions"},
      {R"({"partial_rotary_factor": 0.4})", Errc::kCorrupt, "turns 3 of 8 dimensions"},
  }));
  DYNAMIC_SECTION(c.json) { CHECK_THROWS_MATCHES(read(c.json), Error, is_error(c.code, c.says)); }
}
