#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft rwkv() { return Draft(open_checkpoint(family_data("rwkv", "rwkv") / "checkpoint")); }

}  // namespace

TEST_CASE("rwkv: the first layer norms the stream itself", "[plugins][rwkv]") {
  const auto spec = rwkv().register_it();
  CHECK(spec->family == "rwkv");
  const auto& first = blueprint<Layer>(*spec, "layer_0").stages;
  REQUIRE(first.size() == 3);
  CHECK(first.at(0).keep == 0);
  CHECK(first.at(0).branches.at(0).op == PartRef<PartRole::branch>("pre_ln_0"));
  CHECK(blueprint<Layer>(*spec, "layer_1").stages.size() == 2);
  CHECK(blueprint<Custom>(*spec, "mixer_0").builder == "time_mix");
  CHECK(blueprint<Custom>(*spec, "ffn_0").builder == "channel_mix");
  CHECK(blueprint<Norm>(*spec, "ln_out").eps == 1e-5);
}

TEST_CASE("rwkv: the stream is halved behind every so many layers, and what later ones add with it", "[plugins][rwkv]") {
  auto draft = rwkv();
  draft.config["rescale_every"] = 2;
  const auto spec = draft.register_it();
  const auto last = [&](const char* layer) { return blueprint<Layer>(*spec, layer).stages.back(); };
  CHECK(last("layer_0").keep == 1);
  CHECK(last("layer_1").keep == 0.5);
  CHECK(last("layer_1").branches.at(0).scale == 0.5);
  CHECK(last("layer_2").keep == 1);
  CHECK(last("layer_2").branches.at(0).scale == 0.5);
  draft.config["rescale_every"] = 0;
  CHECK(blueprint<Layer>(*draft.register_it(), "layer_2").stages.back().branches.at(0).scale == 1);
}

TEST_CASE("rwkv: widths that the config leaves out", "[plugins][rwkv]") {
  auto draft = rwkv();
  draft.config["attention_hidden_size"] = nullptr;  // as wide as the stream
  CHECK(draft.register_it()->parts.find("mixer_0")->intermediate_dim == 16);
  draft.config["intermediate_size"] = nullptr;  // four times
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "demand [64, 16]"));
}
