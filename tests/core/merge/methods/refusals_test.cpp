// What merge methods refuse, and in which words.
#include <limits>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "is_error.hpp"
#include "small_merge.hpp"

using namespace garage;
using namespace garage::test;

namespace {

using Said = std::map<std::string, double>;

struct BadParameter {
  const char* method;
  Said of_first, shared;
  const char* says;
};

// Two models beside a base, where the method takes so many; of the first is said what the row says, and a weight.
SmallMerge merge_of(const BadParameter& row) {
  SmallMerge merge{.models = {{1, 2}, {-2, 1}}, .of_models = {row.of_first, {{"weight", 1}}}, .shared = row.shared};
  merge.of_models[0].emplace("weight", 1);
  const auto& method = merge_method(row.method);
  if (method.name() == "passthrough") merge.models.pop_back();
  const auto takes_one = method.name() == "slerp" || method.name() == "nearswap";
  if (takes_one) merge.models.pop_back();
  if (method.base() == MergeBase::required) {
    merge.models.push_back({0, 0});
    merge.base = merge.models.size() - 1;
  }
  return merge;
}

}  // namespace

TEST_CASE("merge methods: a parameter out of its bounds is refused", "[merge][methods]") {
  const auto nan = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
  const auto row = GENERATE_COPY(values<BadParameter>({
      {"linear",
       {{"weight", nan}},
       {},
       "tensor 'layer.weight': linear: 'weight' of model 1 is nan, it has to be finite"},
      {"linear", {{"weight", infinite}}, {}, "'weight' of model 1 is inf, it has to be finite"},
      {"linear", {{"weight", -1}}, {}, "linear: the weights add up to 0"},
      {"linear", {}, {{"normalize", 0.5}}, "'normalize' is 0.5, it has to be true or false"},
      {"passthrough", {{"scale", infinite}}, {}, "'scale' of model 1 is inf"},
      {"slerp", {}, {}, "slerp: 't' is missing"},
      {"slerp", {}, {{"t", nan}}, "'t' is nan, it has to be finite"},
      {"nuslerp", {}, {{"nuslerp_flatten", 2}}, "'nuslerp_flatten' is 2, it has to be true or false"},
      {"nuslerp", {}, {{"nuslerp_row_wise", -1}}, "'nuslerp_row_wise' is -1, it has to be true or false"},
      {"multislerp", {{"weight", -1}}, {}, "multislerp: the weights add up to 0"},
      {"multislerp", {}, {{"eps", 0}}, "'eps' is 0, it has to be above 0"},
      {"multislerp", {}, {{"normalize_weights", 3}}, "'normalize_weights' is 3"},
      {"karcher", {}, {{"max_iter", -1}}, "'max_iter' is -1, it has to be a whole number from 0 to 1000000"},
      {"karcher", {}, {{"max_iter", 1.5}}, "'max_iter' is 1.5, it has to be a whole number"},
      {"karcher", {}, {{"tol", 0}}, "'tol' is 0, it has to be above 0"},
      {"task_arithmetic", {{"weight", nan}}, {}, "'weight' of model 1 is nan"},
      {"task_arithmetic", {}, {{"lambda", infinite}}, "'lambda' is inf"},
      {"ties", {{"density", 1.5}}, {}, "'density' of model 1 is 1.5, it has to be from 0 to 1"},
      {"ties", {{"density", 0.4}}, {}, "'density' of model 1 is 0.4, which leaves none of 2 numbers"},
      {"ties", {}, {{"normalize", 7}}, "'normalize' is 7"},
      {"ties", {}, {{"rescale", 7}}, "'rescale' is 7"},
      {"dare_linear", {{"density", -0.1}}, {}, "'density' of model 1 is -0.1, it has to be from 0 to 1"},
      {"dare_ties", {{"density", nan}}, {}, "'density' of model 1 is nan, it has to be from 0 to 1"},
      {"della",
       {{"density", 0.9}},
       {},
       "'epsilon' of model 1 is 0.15: density - epsilon has to be above 0 and density + epsilon below 1, where density "
       "is 0.9"},
      {"della_linear",
       {{"density", 0.25}, {"epsilon", 0.25}},
       {},
       "'epsilon' of model 1 is 0.25: density - epsilon has to be above 0"},
      {"della", {{"density", 0.5}, {"epsilon", -0.1}}, {}, "'epsilon' of model 1 is -0.1, it has to be 0 or more"},
      {"breadcrumbs", {{"gamma", 1.01}}, {}, "'gamma' of model 1 is 1.01, it has to be from 0 to 1"},
      {"breadcrumbs_ties", {{"gamma", -1}}, {}, "'gamma' of model 1 is -1, it has to be from 0 to 1"},
      {"sce", {}, {{"select_topk", 2}}, "'select_topk' is 2, it has to be from 0 to 1"},
      {"model_stock", {}, {{"filter_wise", 2}}, "'filter_wise' is 2, it has to be true or false"},
      {"nearswap", {}, {{"t", -1}}, "'t' is -1, it has to be 0 or more"},
      {"nearswap", {}, {}, "nearswap: 't' is missing"},
  }));
  INFO(row.method << ": " << row.says);
  REQUIRE_THROWS_MATCHES(merged(row.method, merge_of(row)), Error, is_error(Errc::kInvalidArgument, row.says));
}

TEST_CASE("merge methods: a weight that is missing is refused", "[merge][methods]") {
  REQUIRE_THROWS_MATCHES(
      merged("linear", {.models = {{1}, {2}}, .of_models = {{{"weight", 1}}}}), Error,
      is_error(Errc::kInvalidArgument, "tensor 'layer.weight': linear: 'weight' of model 2 is missing"));
}

TEST_CASE("multislerp: directions that cancel each other are refused", "[merge][methods]") {
  const std::vector<Said> ones(4, {{"weight", 1}});
  REQUIRE_THROWS_MATCHES(merged("multislerp", {.models = {{1, 0}, {-2, 0}, {0, 3}, {0, -1}}, .of_models = ones}), Error,
                         is_error(Errc::kInvalidArgument, "point in directions that cancel each other"));
}

TEST_CASE("arcee_fusion: numbers that cannot be ranked are refused", "[merge][methods]") {
  const auto nan = std::numeric_limits<float>::quiet_NaN();
  REQUIRE_THROWS_MATCHES(merged("arcee_fusion", {.models = {{1, 2}, {nan, 2}}, .base = 0}), Error,
                         is_error(Errc::kInvalidArgument, "arcee_fusion: the models hold infinity or NaN"));
}

TEST_CASE("merge methods: too few or too many models are refused", "[merge][methods]") {
  struct Case {
    const char* method;
    std::size_t models;
    bool has_base;
    const char* says;
  };
  const auto row = GENERATE(values<Case>({
      {"linear", 0, false, "merge method 'linear' takes at least 1 model; there are 0"},
      {"slerp", 2, false, "merge method 'slerp' needs a base model; say which with base_model"},
      {"slerp", 3, true, "merge method 'slerp' takes 1 model beside its base; there are 2"},
      {"slerp", 1, true, "merge method 'slerp' takes 1 model beside its base; there are 0"},
      {"nuslerp", 2, true, "merge method 'nuslerp' takes 2 models beside its base; there is 1"},
      {"nuslerp", 3, false, "merge method 'nuslerp' takes 2 models; there are 3"},
      {"multislerp", 1, true, "merge method 'multislerp' takes at least 1 model beside its base; there are 0"},
      {"karcher", 0, false, "merge method 'karcher' takes at least 1 model; there are 0"},
      {"task_arithmetic", 2, false, "merge method 'task_arithmetic' needs a base model"},
      {"ties", 2, false, "merge method 'ties' needs a base model"},
      {"dare_linear", 2, false, "merge method 'dare_linear' needs a base model"},
      {"dare_ties", 2, false, "merge method 'dare_ties' needs a base model"},
      {"della", 2, false, "merge method 'della' needs a base model"},
      {"della_linear", 2, false, "merge method 'della_linear' needs a base model"},
      {"breadcrumbs", 2, false, "merge method 'breadcrumbs' needs a base model"},
      {"breadcrumbs_ties", 2, false, "merge method 'breadcrumbs_ties' needs a base model"},
      {"sce", 2, false, "merge method 'sce' needs a base model"},
      {"model_stock", 2, true, "merge method 'model_stock' takes at least 2 models beside its base; there is 1"},
      {"nearswap", 3, true, "merge method 'nearswap' takes 1 model beside its base; there are 2"},
      {"arcee_fusion", 3, true, "merge method 'arcee_fusion' takes 1 model beside its base; there are 2"},
      {"passthrough", 2, false, "merge method 'passthrough' takes 1 model; there are 2"},
  }));
  INFO(row.method << " of " << row.models);
  REQUIRE_THROWS_MATCHES(merge_method(row.method).require_models(row.models, row.has_base), Error,
                         is_error(Errc::kInvalidArgument, row.says));
}

TEST_CASE("merge methods: each is found by its name, and an unknown name is refused with the nearest",
          "[merge][methods]") {
  CHECK(merge_methods().size() == 18);
  for (const auto* method : merge_methods()) CHECK(&merge_method(method->name()) == method);
  REQUIRE_THROWS_MATCHES(merge_method("tise"), Error,
                         is_error(Errc::kInvalidArgument, "merge method 'tise' is unknown; did you mean 'ties'?"));
  REQUIRE_THROWS_MATCHES(merge_method("soup-of-everything"), Error,
                         is_error(Errc::kInvalidArgument, "is unknown; there are linear, slerp, nuslerp"));
}

TEST_CASE("merge methods: what a recipe may say, and what stands where it says nothing", "[merge][methods]") {
  const auto fallback = [](std::string_view method, std::string_view name) {
    for (const auto& parameter : merge_method(method).parameters())
      if (parameter.name == name) return parameter.fallback.value_or(-1);
    return -2.0;
  };
  // As mergekit's docs/merge_methods.md and its methods' signatures say: -1 has to be said.
  CHECK(fallback("linear", "weight") == -1);
  CHECK(fallback("linear", "normalize") == 1);
  CHECK(fallback("slerp", "t") == -1);
  CHECK(fallback("nuslerp", "nuslerp_flatten") == 1);
  CHECK(fallback("nuslerp", "nuslerp_row_wise") == 0);
  CHECK(fallback("multislerp", "normalize_weights") == 1);
  CHECK(fallback("multislerp", "eps") == 1e-8);
  CHECK(fallback("karcher", "max_iter") == 10);
  CHECK(fallback("karcher", "tol") == 1e-5);
  CHECK(fallback("sce", "select_topk") == 1);
  CHECK(fallback("model_stock", "filter_wise") == 0);
  CHECK(fallback("nearswap", "t") == -1);
  CHECK(fallback("passthrough", "scale") == 1);
  CHECK(fallback("breadcrumbs", "gamma") == 0.01);
  CHECK(fallback("della", "epsilon") == 0.15);
  for (const std::string name : {"task_arithmetic", "ties", "dare_linear", "dare_ties", "della", "della_linear",
                                 "breadcrumbs", "breadcrumbs_ties"}) {
    INFO(name);
    CHECK(fallback(name, "lambda") == 1);
    CHECK(fallback(name, "density") == 1);
    CHECK(fallback(name, "int8_mask") == 0);
    CHECK(fallback(name, "normalize") == (name == "ties" || name == "della" ? 1 : 0));
    CHECK(fallback(name, "rescale") == (name.starts_with("da") || name.starts_with("de") ? 1 : 0));
  }
}
