#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("dots1: norms of q and k, windows, and a mixture whose weights are not divided", "[plugins][dots1]") {
  Draft draft("dots1/dots1");
  const auto spec = draft.register_it();
  CHECK(spec->family == "dots1");
  CHECK(windows(*spec) == Windows{0, 4, 0});
  CHECK(blueprint<Attention>(*spec, "attention_0").q_norm.value().size == 4);
  const auto& router = blueprint<Router>(*spec, "gate_1");
  CHECK(router.scoring == Scoring::sigmoid);
  CHECK_FALSE(router.renormalise);
  CHECK_FALSE(router.sum_epsilon);

  // Dots1Config's own: layers from max_window_layers on see a window.
  for (const auto* key : {"norm_topk_prob", "routed_scaling_factor", "n_group", "attention_bias", "rms_norm_eps"}) draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config.erase("layer_types");
  CHECK(windows(*draft.register_it()) == Windows{0, 0, 0});
  draft.config["max_window_layers"] = 1;
  draft.config.erase("sliding_window");
  CHECK(windows(*draft.register_it()) == Windows{0, 4096, 4096});
}

TEST_CASE("dots1: what its class has no default for must be there", "[plugins][dots1]") {
  for (const auto* key : {"n_routed_experts", "n_shared_experts", "num_experts_per_tok"}) {
    Draft draft("dots1/dots1");
    draft.config.erase(key);
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "has no '" + std::string(key) + "'"));
  }
}
