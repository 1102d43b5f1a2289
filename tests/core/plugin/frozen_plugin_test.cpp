// A plugin binary of every released minor of the ABI, kept as it was built: it loads for good.
#include <catch2/catch_test_macros.hpp>

#include <garage/checkpoint.hpp>

#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

#ifdef __x86_64__
TEST_CASE("abi: a plugin binary of ABI 1.0 still serves", "[plugin][abi]") {
  PluginSettings settings;
  settings.folders = {{test_data("plugins/abi-1.0"), "frozen"}};
  TemporaryFolder folder;
  ModelRegistry frozen(test_config(folder / "frozen", settings));
  TestRegistry now;
  for (const auto* variant : {"gpt2", "gpt2-hub", "gpt2-scaled-attn"}) {
    INFO(variant);
    const auto model = open_checkpoint(reference(variant));
    const auto spec = frozen.register_model("m", model);
    CHECK(spec->decomposer.plugin == "gpt2");
    CHECK(spec->parameters == now->register_model("m", model)->parameters);
    CHECK(spec->parts == now->get_spec("m")->parts);
  }
}
#endif
