#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft of(const char* variant) { return Draft(open_checkpoint(family_data("mellum", variant) / "checkpoint")); }

Rope rope_of(const SpecPtr& spec, const char* part) { return rope(blueprint<Attention>(*spec, part)); }

}  // namespace

TEST_CASE("mellum: a rope for each type of attention", "[plugins][mellum]") {
  auto draft = of("mellum");
  CHECK(rope_of(draft.register_it(), "attention_0").theta == 5e5);
  draft.config["layer_types"] = {"sliding_attention", "full_attention", "sliding_attention"};
  draft.config["sliding_window"] = 6;
  auto& ropes = draft.config["rope_parameters"].as_object();
  ropes["sliding_attention"] = {{"rope_type", "linear"}, {"factor", 2.0}, {"rope_theta", 300.0}, {"partial_rotary_factor", 0.5}};
  const auto spec = draft.register_it();
  CHECK(spec->family == "mellum");
  CHECK(windows(*spec) == Windows{6, 0, 6});
  CHECK(rope_of(spec, "attention_0").theta == 300);
  CHECK(rope_of(spec, "attention_0").dims == 2);
  CHECK(rope_of(spec, "attention_0").scaling.factor == 2);
  CHECK(rope_of(spec, "attention_1").theta == 5e5);
  CHECK(rope_of(spec, "attention_1").dims == 4);
  draft.config.erase("rope_parameters");  // the class's
  CHECK(rope_of(draft.register_it(), "attention_0").theta == 1e4);
  draft.config["rope_parameters"] = {{"full_attention", {{"rope_type", "default"}, {"rope_theta", 1e4}}}};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "sliding_attention"));
  draft.config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 2.0}};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "rope_scaling"));
}

TEST_CASE("mellum: each layer is dense or sparse as mlp_layer_types says, all sparse otherwise", "[plugins][mellum]") {
  auto draft = of("mellum");
  const auto spec = draft.register_it();
  CHECK(blueprint<Router>(*spec, "gate_0").renormalise);
  CHECK(blueprint<Mixture>(*spec, "ffn_0").experts.size() == 4);
  draft.config.erase("mlp_layer_types");
  CHECK(draft.register_it()->parameters == spec->parameters);
  draft.config["norm_topk_prob"] = false;
  CHECK_FALSE(blueprint<Router>(*draft.register_it(), "gate_0").renormalise);
  draft.config["mlp_layer_types"] = {"dense", "sparse", "sparse"};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "is missing"));
  draft.config["mlp_layer_types"] = {"moe", "sparse", "sparse"};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "mlp_layer_types"));
}
