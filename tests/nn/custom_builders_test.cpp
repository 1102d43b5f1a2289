// A plugin's own code may make anything of a part: what it makes wrong is an error.
#include <cmath>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

namespace {

struct OddBuilders {
  TemporaryFolder folder;
  ModelRegistry registry{test_config(folder / "catalog", settings())};

  OddBuilders() {
    write_checkpoint(folder / "m", R"({"model_type": "odd"})", {{"w", DType::kF32, {1}}});
    registry.register_model("m", open_checkpoint(folder / "m"));
  }
  static PluginSettings settings() {
    PluginSettings made;
    made.folders = {{std::filesystem::path(GARAGE_TEST_FAKES) / "odd_builders", "test"}};
    made.probe = false;
    return made;
  }
};

}  // namespace

TEST_CASE("custom builders: what they make wrong is told by part and builder", "[nn][custom]") {
  const OddBuilders odd;
  struct Case { const char* part; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"mixer_nothing", "part 'mixer_nothing' of 'm': builder 'nothing' of plugin 'odd_builders' made nothing of it"},
      {"layer_nothing", "part 'mixer_nothing' of 'm': builder 'nothing' of plugin 'odd_builders' made nothing of it"},
      {"layer_throws", "builder 'throws' of plugin 'odd_builders' let an exception out: a headache"},
      {"layer_throws_number", "builder 'throws_number' of plugin 'odd_builders' let something that is no exception out"},
      {"layer_fails", "builder 'fails' of plugin 'odd_builders' failed: LibTorch: mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"},
  }));
  DYNAMIC_SECTION(c.part) { CHECK_THROWS_MATCHES(nn::get_module(odd.registry, "m", c.part), Error, is_error(Errc::kInternal, c.says)); }
}

TEST_CASE("custom builders: a part of a plugin's own may be made of parts that its blueprint names", "[nn][custom]") {
  const OddBuilders odd;
  const auto states = torch::tensor({{{3.0f, 0.0f, 4.0f, 0.0f}}});
  const auto mixer = nn::get_module(odd.registry, "m", "mixer_of_parts");
  CHECK(mixer->named_children().contains("inner"));
  CHECK(torch::allclose(mixer->forward(states), states * (2 / std::sqrt(6.25 + 1e-5))));  // RMSNorm of mean square 6.25
  CHECK_THROWS_MATCHES(nn::get_module(odd.registry, "m", "mixer_asks_for_more"), Error, is_error(Errc::kNotFound, "part 'mixer_asks_for_more' of 'm' has no part 'norm_same' in it"));
}

TEST_CASE("custom builders: in a layer, what a part gives has the shape of what it got", "[nn][custom]") {
  const OddBuilders odd;
  const auto states = torch::ones({1, 3, 4});
  CHECK(nn::get_module(odd.registry, "m", "layer_same")->forward(states).sizes() == states.sizes());
  CHECK_THROWS_MATCHES(nn::get_module(odd.registry, "m", "layer_gives_nothing")->forward(states), Error,
                       is_error(Errc::kInternal, "mixer_gives_nothing: gave nothing for [1, 3, 4] of float32 on cpu, should give the same shape"));
  CHECK_THROWS_MATCHES(nn::get_module(odd.registry, "m", "layer_gives_one")->forward(states), Error,
                       is_error(Errc::kInternal, "mixer_gives_one: gave [1] of float32 on cpu for [1, 3, 4] of float32 on cpu"));
}
