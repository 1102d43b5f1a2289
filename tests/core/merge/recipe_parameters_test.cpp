#include "../../../core/src/merge/recipe/recipe.hpp"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace garage;
using Catch::Approx;

namespace {

Recipe parse(std::string_view yaml) { return parse_recipe(yaml, "merge.yaml"); }

Recipe bundled(const std::string& name) {
  return read_recipe(std::filesystem::path(GARAGE_TEST_DATA) / "merges" / (name + ".yaml"));
}

using Names = std::vector<std::string>;

// Of one source, or with none of all together.
std::optional<double> value(const Recipe& recipe, std::string_view name, std::optional<std::size_t> source,
                            RecipePosition position, std::string_view tensor = "x") {
  return parameter_at(recipe, name, source, position, tensor);
}

// What a recipe says of t everywhere.
Recipe with_t(const std::string& setting) {
  return parse("merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}]\nparameters:\n  t: " + setting);
}

}  // namespace

TEST_CASE("recipe: each model has its own numbers", "[merge][recipe]") {
  const auto recipe = bundled("breadcrumbs");
  CHECK(value(recipe, "weight", 0, {}) == 0.6);
  CHECK(value(recipe, "density", 0, {}) == 0.8);
  CHECK(value(recipe, "gamma", 0, {}) == 0.05);
  CHECK(value(recipe, "weight", 1, {}) == 0.9);
  CHECK(value(recipe, "density", 1, {}) == 0.7);
  CHECK(value(recipe, "gamma", 1, {}) == 0.1);
  CHECK(value(recipe, "weight", 2, {}) == std::nullopt);  // the base
  CHECK(value(bundled("task-arithmetic"), "lambda", std::nullopt, {}) == 0.8);
  CHECK(value(bundled("linear-raw"), "normalize", std::nullopt, {}) == 0);
  CHECK(value(bundled("ties"), "normalize", std::nullopt, {}) == 1);
}

TEST_CASE("recipe: a filter is looked for in the tensor's whole name, and the first that is there counts", "[merge][recipe]") {
  const auto recipe = bundled("passthrough-scaled");
  const auto scale = [&](std::string_view tensor) { return value(recipe, "scale", 0, {1, 0.5}, tensor); };
  CHECK(scale("model.layers.2.self_attn.o_proj.weight") == 0);
  CHECK(scale("model.layers.2.mlp.down_proj.weight") == 0);
  CHECK(scale("model.layers.2.mlp.up_proj.weight") == 1);
  CHECK_FALSE(value(recipe, "scale", 0, {0, 0}, "model.layers.2.self_attn.o_proj.weight").has_value());

  const auto by_layer = with_t("[{filter: layers.1., value: 0.1}, {filter: \"*\", value: 0.2}, {filter: mlp, value: 0.3}]");
  CHECK(value(by_layer, "t", std::nullopt, {}, "model.layers.1.mlp.up_proj.weight") == 0.1);
  CHECK(value(by_layer, "t", std::nullopt, {}, "model.layers.11.mlp.up_proj.weight") == 0.2);
  CHECK(value(with_t("{filter: mlp, value: 1}"), "t", std::nullopt, {}, "layers.0.mlp.weight") == 1);
  CHECK(value(with_t("{filter: mlp, value: 1}"), "t", std::nullopt, {}, "layers.0.norm.weight") == std::nullopt);
}

// What mergekit weighed `a` with was solved from what it wrote, by least squares over each layer's mlp.down_proj: bfloat16
// leaves three digits. Its final norm is off by 0.01 with a's weight 0.1, and by 0.12 with 0.9.
TEST_CASE("recipe: a gradient runs over the layers, and what stands outside them gets its beginning", "[merge][recipe]") {
  const auto recipe = bundled("tokens-and-gradients");
  const auto weight = [&](RecipePosition at, std::string_view tensor) { return value(recipe, "weight", 0, at, tensor).value(); };
  const double written[] = {0.1007, 0.3675, 0.6324, 0.8976};
  for (std::int64_t layer = 0; layer < 4; ++layer)
    CHECK(weight(layer_position(0, layer, 4), "model.layers.0.input_layernorm.weight") == Approx(written[layer]).margin(0.003));
  CHECK(weight(position_before_layers(recipe), "model.embed_tokens.weight") == 1);
  CHECK(weight(position_behind_layers(recipe), "model.norm.weight") == 0.1);
  CHECK(weight(position_behind_layers(recipe), "lm_head.weight") == 0.25);
  CHECK(value(recipe, "weight", 1, {}, "lm_head.weight") == 0.5);
}

TEST_CASE("recipe: what stands outside the layers belongs to the first and the last slice", "[merge][recipe]") {
  const auto recipe = bundled("passthrough");
  CHECK(position_before_layers(recipe).slice == 0);
  CHECK(position_before_layers(recipe).t == 0);
  CHECK(position_behind_layers(recipe).slice == 1);
  CHECK(position_behind_layers(recipe).t == 0);
}

TEST_CASE("recipe: a layer stands between its slice's ends, and alone at the last", "[merge][recipe]") {
  CHECK(layer_position(2, 0, 5).slice == 2);
  CHECK(layer_position(2, 0, 5).t == 0);
  CHECK(layer_position(2, 1, 5).t == 0.25);
  CHECK(layer_position(2, 4, 5).t == 1);
  CHECK(layer_position(0, 0, 1).t == 1);
}

TEST_CASE("recipe: between the numbers of a gradient lie lines", "[merge][recipe]") {
  const auto t = [](const Recipe& recipe, double at) { return value(recipe, "t", std::nullopt, {0, at}).value(); };
  const auto recipe = with_t("[0, 1, 0.5]");
  CHECK(t(recipe, 0) == 0);
  CHECK(t(recipe, 0.25) == 0.5);
  CHECK(t(recipe, 0.5) == 1);
  CHECK(t(recipe, 0.75) == 0.75);
  CHECK(t(recipe, 1) == 0.5);
  CHECK(t(with_t("[0.3]"), 0) == 0.3);
  CHECK(t(with_t("[0.3]"), 1) == 0.3);
  CHECK(t(with_t("1e-3"), 1) == 0.001);
  CHECK(t(with_t("-.5"), 1) == -0.5);
}

TEST_CASE("recipe: a flag has the words of YAML 1.1", "[merge][recipe]") {
  const auto word = GENERATE("true", "True", "yes", "ON", "1");
  CHECK(value(with_t(word), "t", std::nullopt, {}) == 1);
  const auto other = GENERATE("false", "FALSE", "No", "off", "0");
  CHECK(value(with_t(other), "t", std::nullopt, {}) == 0);
}

TEST_CASE("recipe: a source's word comes before its slice's, and that before the module's and the global one", "[merge][recipe]") {
  const auto recipe = parse(R"(
merge_method: linear
modules:
  default:
    slices:
      - sources:
          - {model: a, layer_range: [0, 2], parameters: {weight: [{filter: mlp, value: 1}]}}
          - {model: b, layer_range: [2, 4]}
        parameters: {weight: [{filter: mlp, value: 2}, {filter: attn, value: 3}]}
      - sources: [{model: a, layer_range: [4, 5]}]
    parameters: {weight: [{filter: norm, value: 4}, {filter: attn, value: 5}]}
parameters: {weight: 6, normalize: false}
)");
  const auto weight = [&](std::size_t slice, std::size_t source, std::string_view tensor) {
    return value(recipe, "weight", source, {slice, 0}, tensor);
  };
  CHECK(weight(0, 0, "mlp") == 1);
  CHECK(weight(0, 1, "mlp") == 2);
  CHECK(weight(0, 0, "attn") == 3);
  CHECK(weight(0, 0, "norm") == 4);
  CHECK(weight(1, 0, "attn") == 5);
  CHECK(weight(0, 0, "embed") == 6);
  CHECK(is_set(recipe, "normalize", std::nullopt, 1));
  CHECK_FALSE(is_set(bundled("linear"), "normalize", std::nullopt, 0));
  CHECK(is_set(bundled("linear"), "weight", 1, 0));
  CHECK_FALSE(is_set(bundled("linear"), "weight", std::nullopt, 0));
}

TEST_CASE("recipe: what one model says of all has no effect, which is noted", "[merge][recipe]") {
  const auto recipe = parse(R"(merge_method: ties
base_model: c
models:
  - model: a
    parameters: {weight: 1, lambda: 0.5}
parameters:
  int8_mask: true)");
  CHECK(value(recipe, "lambda", std::nullopt, {}) == std::nullopt);
  CHECK(recipe.notes == Names{
      "merge.yaml:5:37: 'models[0].parameters.lambda' has no effect: it is one for all models and stands below the recipe's or a slice's 'parameters'",
      "merge.yaml:7:14: 'parameters.int8_mask' is passed over: it changes no number",
  });
}
