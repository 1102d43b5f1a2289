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

Rope read(std::string_view json, std::int64_t head_dim = 8, std::int64_t max_positions = 4096, RopeDefaults defaults = {}) {
  const auto config = boost::json::parse(json);
  return read_rope(ConfigReader(config.get_object()), head_dim, max_positions, defaults);
}

constexpr RopeDefaults kLlama = {.partial_rotary_factor = {}};
constexpr RopeDefaults kPhi = {.partial_rotary_factor = 0.5};
constexpr RopeDefaults kPhi3 = {.original_max_positions = 4096, .longrope_alone = true};
constexpr RopeDefaults kPhiMoe = {.theta = 1e6, .partial_rotary_factor = {}, .has_mscales = true};
constexpr RopeDefaults kGemma3 = {.theta = 1e6, .partial_rotary_factor = {}, .layer_type = "full_attention"};
constexpr RopeDefaults kGemma3Local = {.theta = 1e4, .theta_key = "rope_local_base_freq", .partial_rotary_factor = {}, .layer_type = "sliding_attention"};

#define LONG R"("rope_type": "longrope", "short_factor": [1.0, 1.1, 1.2, 1.3], "long_factor": [2.0, 2.1, 2.2, 2.3])"
#define YARN R"("rope_type": "yarn", "factor": 4.0)"
#define LLAMA3 R"("rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0)"

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
  // Absent, it is missed: _validate_yarn_rope_parameters. Null, it follows.
  const auto no_factor = read(R"({"rope_scaling": {"rope_type": "yarn", "factor": null, "original_max_position_embeddings": 1024}})").scaling;
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
      {R"({"rope_scaling": {"rope_type": "yarn", "original_max_position_embeddings": 1024}})", Errc::kCorrupt, "config.json: rope_scaling: has no 'factor'"},
      {R"({"rope_scaling": {"type": "su"}})", Errc::kUnsupported, "type 'su' is none that this plugin knows"},
      {R"({"rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]}})", Errc::kUnsupported, "type 'mrope' is none that this plugin knows"},
      {R"({"rope_parameters": {"rope_type": "proportional", "partial_rotary_factor": 0.5}})", Errc::kUnsupported, "'proportional' is none"},
      {R"({"partial_rotary_factor": 0.25, "rope_scaling": {"type": "linear", "factor": 2, "partial_rotary_factor": 0.5}})", Errc::kUnsupported, "config.json: rope_scaling: partial_rotary_factor is 0.5 here, 0.25 in the config"},
      {R"({"rope_scaling": {"type": 3}})", Errc::kCorrupt, "'type' is 3, should be a string"},
      {R"({"rope_scaling": {"rope_type": "spiral"}})", Errc::kUnsupported, "rope_type 'spiral' is none that this plugin knows"},
      {R"({"partial_rotary_factor": 2})", Errc::kCorrupt, "turns 16 of 8 dimensions"},
      {R"({"partial_rotary_factor": 0.4})", Errc::kCorrupt, "turns 3 of 8 dimensions"},
  }));
  DYNAMIC_SECTION(c.json) { CHECK_THROWS_MATCHES(read(c.json), Error, is_error(c.code, c.says)); }
}

TEST_CASE("rope: of several places each number comes from the one that counts in transformers", "[sdk][rope]") {
  // Read off rotary_emb of AutoModel.from_config(...), transformers 5.12.1: heads of 8, max_position_embeddings 256. The
  // theta follows from its frequencies.
  struct Case { const char* title; RopeDefaults defaults; const char* json; double theta; std::int64_t dims; double attention; std::int64_t original; };
  const auto c = GENERATE(values<Case>({
      {"an object added by hand", kLlama, R"({"rope_scaling": {"rope_type": "linear", "factor": 2.0}, "rope_parameters": {"rope_type": "default", "rope_theta": 777.0}})", 10000, 8, 0, 0},
      {"one that says nothing", kLlama, R"({"rope_scaling": {}, "rope_parameters": {"rope_type": "linear", "factor": 3.0, "rope_theta": 777.0}})", 777, 8, 0, 0},
      {"theta beside the object", kLlama, R"({"rope_theta": 500000.0, "rope_scaling": {"type": "linear", "factor": 2.0}})", 500000, 8, 0, 0},
      {"a share that the class does not know", kLlama, R"({"partial_rotary_factor": 0.5})", 10000, 8, 0, 0},
      {"a share in the object", kPhi, R"({"partial_rotary_factor": 0.25, "rope_parameters": {"rope_theta": 100.0, "partial_rotary_factor": 0.5}})", 100, 4, 0, 0},
      {"the class's share", kPhi, R"({"rope_scaling": {"type": "linear", "factor": 2.0}})", 10000, 4, 0, 0},
      {"ropes a layer type, of a class of one", kLlama, R"({"rope_theta": 123.0, "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 2.0}}})", 123, 8, 0, 0},
      {"longrope", kLlama, R"({"rope_scaling": {)" LONG "}}", 10000, 8, 1, 256},
      {"longrope's length in the object", kLlama, R"({"rope_scaling": {"original_max_position_embeddings": 64, )" LONG "}}", 10000, 8, 1.154701, 64},
      {"longrope's length at the top", kLlama, R"({"original_max_position_embeddings": 64, "rope_scaling": {"original_max_position_embeddings": 32, )" LONG "}}", 10000, 8, 1.154701, 64},
      {"longrope's factor", kLlama, R"({"rope_scaling": {"factor": 8.0, "original_max_position_embeddings": 64, )" LONG "}}", 10000, 8, 1.224745, 64},
      {"longrope's small factor", kLlama, R"({"rope_scaling": {"factor": 0.5, "original_max_position_embeddings": 64, )" LONG "}}", 10000, 8, 1, 64},
      {"mscales of another class", kLlama, R"({"rope_scaling": {"short_mscale": 1.1, "long_mscale": 1.2, "original_max_position_embeddings": 64, )" LONG "}}", 10000, 8, 1.154701, 64},
      {"yarn", kLlama, R"({"rope_scaling": {"original_max_position_embeddings": 64, )" YARN "}}", 10000, 8, 1.138629, 64},
      {"yarn's length at the top", kLlama, R"({"original_max_position_embeddings": 32, "rope_scaling": {"original_max_position_embeddings": 64, )" YARN "}}", 10000, 8, 1.138629, 32},
      {"yarn without a length", kLlama, R"({"rope_scaling": {)" YARN "}}", 10000, 8, 1.138629, 256},
      {"yarn's mscales", kLlama, R"({"rope_scaling": {"mscale": 0.7, "mscale_all_dim": 1.0, "original_max_position_embeddings": 64, )" YARN "}}", 10000, 8, 0.963475, 64},
      {"one of yarn's mscales", kLlama, R"({"rope_scaling": {"mscale": 0.7, "original_max_position_embeddings": 64, )" YARN "}}", 10000, 8, 1.138629, 64},
      {"llama3's length at the top", kLlama, R"({"original_max_position_embeddings": 32, "rope_scaling": {"original_max_position_embeddings": 64, )" LLAMA3 "}}", 10000, 8, 0, 32},
      {"llama3 without a length", kLlama, R"({"rope_scaling": {)" LLAMA3 "}}", 10000, 8, 0, 256},
      {"dynamic, whatever the length at the top", kLlama, R"({"original_max_position_embeddings": 64, "rope_scaling": {"type": "dynamic", "factor": 2.0}})", 10000, 8, 0, 256},
      {"rope_type before type", kLlama, R"({"rope_scaling": {"type": "yarn", "rope_type": "linear", "factor": 2.0}})", 10000, 8, 0, 0},
      {"Phi-3's length of its class", kPhi3, R"({"rope_scaling": {"original_max_position_embeddings": 64, )" LONG "}}", 10000, 8, 1, 4096},
      {"Phi-3's length at the top", kPhi3, R"({"original_max_position_embeddings": 64, "rope_scaling": {"type": "su", "short_factor": [1.0, 1.1, 1.2, 1.3], "long_factor": [2.0, 2.1, 2.2, 2.3]}})", 10000, 8, 1.154701, 64},
      {"Phi-3's own factor", kPhi3, R"({"rope_scaling": {"factor": 8.0, )" LONG "}}", 10000, 8, 1.118034, 4096},
      {"PhiMoE's length at the top", kPhiMoe, R"({"original_max_position_embeddings": 64, "rope_scaling": {"short_mscale": 1.1, "long_mscale": 1.2, )" LONG "}}", 1e6, 8, 0, 256},
      {"PhiMoE's length in the object", kPhiMoe, R"({"original_max_position_embeddings": 64, "rope_scaling": {"original_max_position_embeddings": 32, "short_mscale": 1.1, "long_mscale": 1.2, )" LONG "}}", 1e6, 8, 0, 32},
      {"Gemma 3", kGemma3, R"({"rope_theta": 123.0, "rope_local_base_freq": 77.0})", 123, 8, 0, 0},
      {"Gemma 3's other", kGemma3Local, R"({"rope_theta": 123.0, "rope_local_base_freq": 77.0})", 77, 8, 0, 0},
      {"Gemma 3's scaling", kGemma3, R"({"rope_scaling": {"rope_type": "linear", "factor": 2.0}})", 1e6, 8, 0, 0},
      {"which is not its other's", kGemma3Local, R"({"rope_scaling": {"rope_type": "linear", "factor": 2.0}})", 1e4, 8, 0, 0},
      {"Gemma 3's ropes without theta", kGemma3, R"({"rope_theta": 123.0, "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 2.0}, "sliding_attention": {"rope_type": "default"}}})", 123, 8, 0, 0},
      {"and the other", kGemma3Local, R"({"rope_local_base_freq": 77.0, "rope_theta": 123.0, "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 2.0}, "sliding_attention": {"rope_type": "default"}}})", 77, 8, 0, 0},
      {"a scaling laid over", kGemma3, R"({"rope_scaling": {"rope_type": "linear", "factor": 2.0}, "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 100.0}, "sliding_attention": {"rope_theta": 50.0}}})", 100, 8, 0, 0},
      {"Gemma 3's length at the top", kGemma3, R"({"original_max_position_embeddings": 64, "rope_scaling": {"original_max_position_embeddings": 32, )" LONG "}}", 1e6, 8, 1.264911, 32},
  }));
  DYNAMIC_SECTION(c.title) {
    const auto rope = read(c.json, 8, 256, c.defaults);
    CHECK(rope.theta == c.theta);
    CHECK(rope.dims == c.dims);
    CHECK(rope.scaling.attention_factor.value_or(0) == Catch::Approx(c.attention).epsilon(1e-6));
    CHECK(rope.scaling.original_max_position_embeddings.value_or(0) == c.original);
  }
}

TEST_CASE("rope: a scaling counts where transformers has it", "[sdk][rope]") {
  // As above: inv_freq is divided by 2, or it is not.
  const char* by_type = R"({"rope_scaling": {"type": "linear", "factor": 2.0}})";
  CHECK(read(by_type, 8, 256, kLlama).scaling.factor == 2.0);
  // Gemma3TextConfig lays it over {"rope_type": "default"}, which goes before `type`.
  CHECK(read(by_type, 8, 256, kGemma3).scaling.kind == RopeScalingKind::none);
  const char* laid_over = R"({"rope_scaling": {"rope_type": "linear", "factor": 2.0}, "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 100.0}, "sliding_attention": {"rope_theta": 50.0}}})";
  CHECK(read(laid_over, 8, 256, kGemma3).scaling.factor == 2.0);
  CHECK(read(laid_over, 8, 256, kGemma3Local).scaling.kind == RopeScalingKind::none);
  CHECK_THROWS_MATCHES(read(R"({"rope_scaling": {"rope_type": "linear", "factor": 2.0}, "rope_parameters": {"rope_type": "default"}})", 8, 256, kGemma3), Error,
                       is_error(Errc::kCorrupt, "config.json: rope_parameters: has no 'full_attention', should be an object, over which rope_scaling is laid"));
  for (const auto* share : {R"({"partial_rotary_factor": 0.5, "rope_scaling": {"type": "linear", "factor": 2.0}})", R"({"rope_scaling": {"type": "linear", "factor": 2.0, "partial_rotary_factor": 0.5}})"})
    CHECK_THROWS_MATCHES(read(share, 8, 256, kLlama), Error, is_error(Errc::kUnsupported, "partial_rotary_factor is 0.5 here"));
  CHECK_THROWS_MATCHES(read(R"({"rope_scaling": {"type": "linear", "factor": 2.0}})", 8, 256, kPhi3), Error, is_error(Errc::kUnsupported, "type 'linear' is none that this plugin knows (default, longrope)"));
}
