// Whom the host asks: those whom a model may concern, by the model_types that a plugin says it takes.
#include <garage/plugin_host.hpp>

#include <cstdlib>

#include <boost/json/parse.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;

namespace {

// Fakes: `typed` takes model_type "typed", and puts into the environment that it was asked.
PluginHost host_of(std::initializer_list<const char*> names) {
  PluginSettings settings;
  settings.probe = false;
  for (const auto* name : names) settings.folders.push_back({std::filesystem::path(GARAGE_TEST_FAKES) / name, "test"});
  return PluginHost(settings);
}

Model model_with(const char* config) {
  return Model({{"w", DType::kF32, {1}}}, boost::json::parse(config).get_object());
}

// Whether `typed` is asked in the course of that.
template <class Body>
bool is_asked(Body body) {
  ::unsetenv("GARAGE_FAKE_ASKED");
  body();
  return std::getenv("GARAGE_FAKE_ASKED") != nullptr;
}

}  // namespace

TEST_CASE("plugin host: a plugin that says which model_types it takes is asked about those that may be its own", "[plugin][concern]") {
  struct Case { const char* title; const char* config; bool is_asked; };
  const auto c = GENERATE(values<Case>({
      {"its own", R"({"model_type": "typed"})", true},
      {"another", R"({"model_type": "other"})", false},
      {"another, whatever the architecture", R"({"model_type": "other", "architectures": ["TypedForCausalLM"]})", false},
      {"one nested in another", R"({"model_type": "other", "text_config": {"model_type": "typed"}})", true},
      {"others alone", R"({"model_type": "other", "text_config": {"model_type": "third"}})", false},
      {"another spelling", R"({"model_type": "Typed"})", false},
      {"no model_type", R"({"architectures": ["OtherForCausalLM"]})", true},
      {"an empty one", R"({"model_type": ""})", true},
      {"one that is no text", R"({"model_type": 7})", true},
      {"null", R"({"model_type": null})", true},
      {"no config", "{}", true},
  }));
  DYNAMIC_SECTION(c.title) {
    const auto host = host_of({"typed", "humble"});
    const auto model = model_with(c.config);
    std::string taken_by;
    CHECK(is_asked([&] { taken_by = host.choose(model, "m").plugin.name; }) == c.is_asked);
    CHECK(taken_by == (c.is_asked ? "typed" : "humble"));
  }
}

TEST_CASE("plugin host: who wants every plugin's answer has every plugin asked", "[plugin][concern]") {
  const auto host = host_of({"typed", "humble"});
  CHECK(is_asked([&] { CHECK(host.claims(model_with(R"({"model_type": "other"})"), "m").size() == 2); }));
}

TEST_CASE("plugin host: a plugin that the caller names is asked whatever it says", "[plugin][concern]") {
  const auto host = host_of({"typed", "humble"});
  CHECK(host.choose(model_with(R"({"model_type": "other"})"), "m", "typed").plugin.name == "typed");
}

TEST_CASE("plugin host: where nobody else claims a model all are asked, and all are in the reason", "[plugin][concern]") {
  CHECK(host_of({"typed"}).choose(model_with(R"({"model_type": "other"})"), "m").plugin.name == "typed");
  CHECK(host_of({"typed", "headache"}).choose(model_with(R"({"model_type": "other"})"), "m").plugin.name == "typed");
  const PluginHost ours(our_plugins());
  for (const auto& plugin : our_plugin_names())
    CHECK_THROWS_MATCHES(ours.choose(model_with(R"({"model_type": "other"})"), "m"), Error,
                         is_error(Errc::kUnsupported, "\n  " + plugin + ": 0 model_type is 'other'"));
}

TEST_CASE("plugin host: what an info says beyond what this core knows is passed over, what it leaves out has its default", "[plugin][concern]") {
  const auto host = host_of({"typed"});
  const auto& record = host.plugins().at(0);
  CHECK(record.reason.empty());
  REQUIRE(record.state == PluginState::loaded);
  CHECK(record.info->model_types == std::vector<std::string>{"typed"});
  CHECK(record.info->priority == 500);
  CHECK(record.info->license.empty());
}

TEST_CASE("plugin host: ours say which model_types they take", "[plugin][concern]") {
  const PluginHost host(our_plugins());
  for (const auto& record : host.plugins()) {
    INFO(record.name);
    CHECK_FALSE(record.info->model_types.empty());
  }
}
