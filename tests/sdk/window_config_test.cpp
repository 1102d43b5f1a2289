#include <garage/sdk/window_config.hpp>

#include <boost/json/parse.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace garage::sdk;

namespace {

// How far each of 4 layers looks back; 0: to the beginning.
std::vector<std::int64_t> read(const boost::json::object& config, const WindowDefaults& defaults) {
  const auto windows = read_windows(ConfigReader(config), 4, defaults);
  std::vector<std::int64_t> list;
  for (std::int64_t i = 0; i < 4; ++i) list.push_back(windows.at(i).value_or(0));
  return list;
}

using Windows = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("windows: sliding_window is the class's where absent, and none where null", "[sdk][window]") {
  CHECK(read({}, {}) == Windows{0, 0, 0, 0});
  CHECK(read({}, {.window = 64}) == Windows{64, 64, 64, 64});
  CHECK(read({{"sliding_window", nullptr}}, {.window = 64}) == Windows{0, 0, 0, 0});
  CHECK(read({{"sliding_window", 8}}, {.window = 64}) == Windows{8, 8, 8, 8});
  CHECK(read({{"sliding_window", 8}}, {.asks_use = true}) == Windows{0, 0, 0, 0});
  CHECK(read({{"sliding_window", 8}, {"use_sliding_window", true}}, {.asks_use = true}) == Windows{8, 8, 8, 8});
}

TEST_CASE("windows: layer_types go before the class's rule, where it knows them", "[sdk][window]") {
  const boost::json::object config = {{"layer_types", {"full_attention", "sliding_attention", "sliding_attention", "full_attention"}}};
  CHECK(read(config, {.window = 8}) == Windows{0, 8, 8, 0});
  CHECK(read(config, {.window = 8, .reads_layer_types = false}) == Windows{8, 8, 8, 8});
}

TEST_CASE("windows: each class has a rule of its own", "[sdk][window]") {
  const boost::json::object config = {{"sliding_window_pattern", 3}, {"max_window_layers", 2}};
  const ConfigReader reader(config);
  CHECK(read(config, {.window = 8, .slides = every_other_layer()}) == Windows{8, 0, 8, 0});
  CHECK(read(config, {.window = 8, .slides = all_but_every_nth_layer(reader, 6)}) == Windows{8, 8, 0, 8});
  CHECK(read(config, {.window = 8, .slides = layers_from(reader, 28)}) == Windows{0, 0, 8, 8});
  CHECK(read(config, {.window = 8, .slides = every_other_layer_below(reader, 28)}) == Windows{8, 0, 0, 0});
}
