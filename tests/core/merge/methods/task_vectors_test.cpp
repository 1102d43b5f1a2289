// Methods on task vectors. Where no reason is given, expected numbers are what torch 2.14 makes of the published
// formula, in float32 on the matrices of small_merge.hpp.
#include <cmath>
#include <limits>

#include <catch2/catch_test_macros.hpp>

#include "small_merge.hpp"

using namespace garage;
using namespace garage::test;

namespace {

constexpr double kClose = 1e-6;
using Floats = std::vector<float>;
using Said = std::map<std::string, double>;

const std::vector<std::int64_t> kMatrix{3, 4};
const std::vector<Said> kWeights{{{"weight", 0.6}}, {{"weight", 0.9}}, {{"weight", 0.4}}};

SmallMerge three(std::vector<Said> of_models, Said shared = {}) {
  return {.models = {kA, kB, kC, kBaseMatrix},
          .base = 3,
          .of_models = std::move(of_models),
          .shared = std::move(shared),
          .dimensions = kMatrix};
}

// One task vector over a base of 0: what is left of it.
Floats left_of(const char* method, Floats delta, Said said) {
  said["weight"] = 1;
  const Floats zeros(delta.size());
  return merged(method, {.models = {std::move(delta), zeros}, .base = 1, .of_models = {said}});
}

}  // namespace

TEST_CASE("task_arithmetic: weighted task vectors upon the base", "[merge][methods]") {
  const std::vector<Said> weights{{{"weight", 2}}, {{"weight", 0.5}}};
  const std::vector<Floats> models{{2, 0}, {1, 5}, {1, 1}};
  CHECK(merged("task_arithmetic", {.models = models, .base = 2, .of_models = weights}) == Floats{3, 1});
  CHECK(merged("task_arithmetic", {.models = models, .base = 2, .of_models = weights, .shared = {{"lambda", 0.5}}}) ==
        Floats{2, 1});
  CHECK(merged("task_arithmetic",
               {.models = {{6}, {1}}, .base = 1, .of_models = weights, .shared = {{"normalize", 1}}}) == Floats{6});
  // Weights that cancel each other divide nothing.
  CHECK(merged("task_arithmetic", {.models = {{2}, {5}, {1}},
                                   .base = 2,
                                   .of_models = {{{"weight", 1}}, {{"weight", -1}}},
                                   .shared = {{"normalize", 1}}}) == Floats{-2});
}

TEST_CASE("task vectors: without a model beside it, the base is what comes out", "[merge][methods]") {
  for (const auto* name : {"task_arithmetic", "ties", "dare_ties", "della", "breadcrumbs", "sce"}) {
    INFO(name);
    CHECK(merged(name, {.models = {kBaseMatrix}, .base = 0, .is_base_listed = true}) == kBaseMatrix);
  }
}

TEST_CASE("task vectors: it is the same where the base stands in the recipe, and what is said of it",
          "[merge][methods]") {
  for (const auto* name : {"task_arithmetic", "ties", "breadcrumbs_ties", "sce"}) {
    INFO(name);
    const auto last =
        merged(name, {.models = {kA, kB, kBaseMatrix}, .base = 2, .of_models = {{{"weight", 0.6}}, {{"weight", 0.9}}}});
    CHECK(merged(name, {.models = {kA, kBaseMatrix, kB},
                        .base = 1,
                        .of_models = {{{"weight", 0.6}}, {{"weight", 7}, {"density", 0.1}}, {{"weight", 0.9}}},
                        .is_base_listed = true}) == last);
  }
}

TEST_CASE("ties: three models, one of them subtracted", "[merge][methods]") {
  const std::vector<Said> said{
      {{"weight", 0.6}, {"density", 0.5}}, {{"weight", -0.9}, {"density", 0.7}}, {{"weight", 0.4}, {"density", 0.3}}};
  const Floats mean{3.01999879F,  -0.460000008F, 1.17499995F,   0.0F, 0.32099998F,  0.959999979F,
                    -2.25180006F, 0.109999999F,  -0.394999981F, 0.0F, 0.620000005F, 2.41999984F};
  const Floats sum{0.860000014F, -0.430000007F, 0.774999976F,  0.0F, 0.237000003F,  0.480000049F,
                   -0.96299994F, 0.129999995F,  -0.409999996F, 0.0F, 0.0599999726F, 1.46000004F};
  CHECK(worst(merged("ties", three(said, {{"lambda", 0.7}})), mean) < kClose);
  CHECK(worst(merged("ties", three(said, {{"normalize", 0}})), sum) < kClose);
}

TEST_CASE("ties: with rescale the sum of magnitudes is kept", "[merge][methods]") {
  const Floats expected{0.287341774F, -0.454888403F, 1.26582277F,   0.0F, 0.252594948F, 1.12951362F,
                        -1.97848105F, 0.0148484558F, -0.323636353F, 0.0F, 0.833442688F, 2.63797474F};
  CHECK(worst(merged("ties", {.models = {kA, kB, kBaseMatrix},
                              .base = 2,
                              .of_models = {{{"weight", 0.6}, {"density", 0.5}}, {{"weight", 0.9}, {"density", 0.7}}},
                              .shared = {{"rescale", 1}}}),
              expected) < kClose);
}

TEST_CASE("ties: of numbers that are equal at the threshold the first stay", "[merge][methods]") {
  CHECK(left_of("ties", {1, -2, 1, -1, 3}, {{"density", 0.6}}) == Floats{1, -2, 0, 0, 3});
  CHECK(left_of("ties", {1, 1, 1, 1}, {{"density", 0.5}}) == Floats{1, 1, 0, 0});
}

TEST_CASE("ties: signs that cancel each other count as above, and a zero agrees with neither", "[merge][methods]") {
  const std::vector<Said> ones{{{"weight", 1}}, {{"weight", 1}}, {{"weight", 1}}};
  // At the first place 4 and -4: 4 wins. At the second 0, 2 and 4: their mean is 3. At the third -6 wins over 1 and 2.
  CHECK(merged("ties", {.models = {{4, 0, 1}, {-4, 2, 2}, {0, 4, -6}, {0, 0, 0}}, .base = 3, .of_models = ones}) ==
        Floats{4, 3, -6});
}

TEST_CASE("breadcrumbs: the largest go, and of the smallest what is too much", "[merge][methods]") {
  const Floats delta{5, -1, 4, 2, -3, 6, 8, -7, 10, 9};
  CHECK(left_of("breadcrumbs", delta, {{"density", 0.5}, {"gamma", 0.2}}) == Floats{5, 0, 4, 0, 0, 6, 8, -7, 0, 0});
  // Fewer of the largest where density leaves no more: seven stay, though 0.4 of ten were to go from above.
  CHECK(left_of("breadcrumbs", delta, {{"density", 0.7}, {"gamma", 0.4}}) == Floats{5, -1, 4, 2, -3, 6, 0, -7, 0, 0});
  CHECK(left_of("breadcrumbs", delta, {{"density", 1}, {"gamma", 0.4}}) == delta);
  CHECK(left_of("breadcrumbs", delta, {{"density", 0}}) == Floats(10, 0.0F));
  // Of ten numbers 0.05 are none: mergekit of June 2026 leaves out all of them. With a gamma of 0 the smallest go.
  CHECK(left_of("breadcrumbs", delta, {{"density", 0.5}, {"gamma", 0.05}}) == Floats(10, 0.0F));
  CHECK(left_of("breadcrumbs", delta, {{"density", 0.5}, {"gamma", 0}}) == Floats{0, 0, 0, 0, 0, 6, 8, -7, 10, 9});
  // Of equal ones the first count as smaller.
  CHECK(left_of("breadcrumbs", {1, 1, 1, 1}, {{"density", 0.5}, {"gamma", 0.25}}) == Floats{0, 1, 1, 0});
}

TEST_CASE("breadcrumbs: three models, with an election of signs and without", "[merge][methods]") {
  const std::vector<Said> said{{{"weight", 0.6}, {"density", 0.6}, {"gamma", 0.2}},
                               {{"weight", 0.9}, {"density", 0.8}, {"gamma", 0.3}},
                               {{"weight", 0.4}, {"density", 0.4}, {"gamma", 0}}};
  const Floats elected{0.680000007F, -0.519999981F, 1.22500002F,   0.0269999988F, 0.344999999F, 1.01999998F,
                       -1.36800003F, 0.120999992F,  -0.409999996F, 0.0810000002F, 0.270999998F, 1.95200002F};
  const Floats mean{0.5F,         -0.392105252F, 1.11842108F,   0.0142105259F, 0.218684211F, 0.892105222F,
                    -1.43052626F, 0.182105258F,  -0.462105244F, 0.0236842092F, 0.320263147F, 1.97473681F};
  CHECK(worst(merged("breadcrumbs_ties", three(said)), elected) < kClose);
  CHECK(worst(merged("breadcrumbs", three(said, {{"normalize", 1}})), mean) < kClose);
}

TEST_CASE("sce: all places, or those where models differ most", "[merge][methods]") {
  const Floats all{0.69548595F,  -0.428625673F, 1.15958047F,  0.0384273976F, 0.304487228F, 1.08931279F,
                   -1.95000005F, 0.165305614F,  -0.38342008F, 0.134615391F,  0.783969283F, 2.44756413F};
  const Floats some{0.5F,         -0.25F, 1.0F,  0.0F, 0.125F,       1.08495593F,
                    -1.95000005F, 0.25F,  -0.5F, 0.0F, 0.777433932F, 2.50632644F};
  CHECK(worst(merged("sce", three({})), all) < kClose);
  CHECK(worst(merged("sce", three({}, {{"select_topk", 0.4}})), some) < kClose);
  CHECK(merged("sce", three({}, {{"select_topk", 0}})) == kBaseMatrix);
  // Where models agree there is no variance, and what they agree upon is not selected.
  CHECK(merged("sce", {.models = {{3, 1}, {3, 2}, {0, 0}}, .base = 2, .shared = {{"select_topk", 0.9}}}) ==
        Floats{0, 0});
}

TEST_CASE("sce: task vectors of next to nothing weigh the same", "[merge][methods]") {
  // Mean squares of 1e-8 and 4e-8: by them the weights would be 0.2 and 0.8.
  CHECK(worst(merged("sce", {.models = {{1e-4F, 1e-4F}, {2e-4F, 2e-4F}, {0, 0}}, .base = 2}), {1.5e-4F, 1.5e-4F}) <
        kClose);
}

TEST_CASE("task vectors: NaN and infinity are not lost where they are left out", "[merge][methods]") {
  const auto nan = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();
  for (const auto* name : {"task_arithmetic", "ties", "breadcrumbs", "breadcrumbs_ties", "dare_ties"}) {
    INFO(name);
    for (const auto bad : {nan, infinite}) {
      const auto got = left_of(name, {1, bad, 3, 4}, {{"density", 0.5}, {"gamma", 0.25}});
      CHECK_FALSE(std::isfinite(got[1]));
    }
  }
}
