// The ropes that no reference checkpoint has. Frequencies and factors were computed in Python, in float64, from the
// formulas of transformers' modeling_rope_utils.py (YaRN: arXiv:2309.00071).
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/nn/get_module.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "checkpoint_files.hpp"
#include "test_registry.hpp"

#include <garage/checkpoint.hpp>

using namespace garage;
using namespace garage::test;

namespace {

// The frequencies by which `variant` with that config turns at a sequence's last position, and what multiplies them.
struct Turned {
  std::vector<double> frequencies;
  double factor;
};

Turned turned(const std::string& variant, const std::string& rope, std::int64_t length) {
  TestRegistry registry;
  auto config = boost::json::parse(read_text(reference(variant) / "config.json")).get_object();
  config.erase("rope_parameters");
  const auto changes = boost::json::parse(rope).get_object();
  for (const auto& [key, value] : changes) config[key] = value;
  write_checkpoint(registry.folder / "model", boost::json::serialize(config), tensors_of(reference(variant)));
  registry->register_model("m", open_checkpoint(registry.folder / "model"));
  const auto module = nn::get_module(registry.registry, "m", "rotary_emb");
  const auto table = module->forward(torch::arange(length).unsqueeze(0));  // (2, 1, length, dims): cosines, sines
  const auto cos = table[0][0][1], sin = table[1][0][1];                   // at position 1 the angle is the frequency
  Turned result{{}, cos.square().add(sin.square()).sqrt()[0].item<double>()};
  for (std::int64_t i = 0; i < cos.size(0) / 2; ++i)
    result.frequencies.push_back(std::atan2(sin[i].item<double>(), cos[i].item<double>()));
  return result;
}

}  // namespace

TEST_CASE("rope: yarn and dynamic turn by the frequencies of the formulas", "[nn][rope]") {
  struct Case { const char* title; const char* rope; std::int64_t length; std::vector<double> frequencies; double factor; };
  const auto c = GENERATE(values<Case>({
      {"yarn", R"({"rope_theta": 10000, "rope_scaling": {"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 64}})", 4, {1, 0.0625, 0.0025, 0.00025}, 1.138629436111989},
      {"yarn, not truncated", R"({"rope_theta": 10000, "rope_scaling": {"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 64, "beta_fast": 8, "truncate": false}})", 4, {1, 0.025664394391007976, 0.0025, 0.00025}, 1.138629436111989},
      {"yarn of a long original", R"({"rope_theta": 10000, "rope_scaling": {"rope_type": "yarn", "factor": 40, "original_max_position_embeddings": 4096}})", 4, {1, 0.1, 0.005125, 2.5e-05}, 1.3688879454113936},
      {"dynamic, short", R"({"rope_theta": 10000, "rope_scaling": {"rope_type": "dynamic", "factor": 2}})", 256, {1, 0.1, 0.01, 0.001}, 1},
      {"dynamic, long", R"({"rope_theta": 10000, "rope_scaling": {"rope_type": "dynamic", "factor": 2}})", 600, {1, 0.06472757307238636, 0.004189658715841114, 0.00027118644067796615}, 1},
  }));
  DYNAMIC_SECTION(c.title) {
    const auto result = turned("llama-2", c.rope, c.length);
    CHECK(result.factor == Catch::Approx(c.factor).epsilon(1e-6));
    REQUIRE(result.frequencies.size() == c.frequencies.size());
    for (std::size_t i = 0; i < c.frequencies.size(); ++i) CHECK(result.frequencies[i] == Catch::Approx(c.frequencies[i]).epsilon(1e-5));
  }
}

TEST_CASE("rope: PhiMoE's mscales stand in the attention factor's place, by the length", "[nn][rope]") {
  const auto rope = R"({"rope_theta": 10000, "original_max_position_embeddings": 16, "rope_scaling": {"type": "longrope", "short_factor": [1, 1, 2, 2], "long_factor": [1, 2, 4, 8], "short_mscale": 1.1, "long_mscale": 1.3, "original_max_position_embeddings": 16}})";
  const auto within = turned("phi-moe", rope, 16), beyond = turned("phi-moe", rope, 17);
  CHECK(within.factor == Catch::Approx(1.1));
  CHECK(beyond.factor == Catch::Approx(1.3));
  CHECK(within.frequencies[2] == Catch::Approx(0.01 / 2));
  CHECK(beyond.frequencies[3] == Catch::Approx(0.001 / 8));
}
