// Merge methods against mergekit: tests/data/merges has small Llama checkpoints, recipes, and what mergekit of June
// 2026 wrote of each, in float32.
#include <cstring>
#include <map>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <garage/safetensors.hpp>

#include "places.hpp"
#include "small_merge.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;

namespace {

struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<float> numbers;
};
using Tensors = std::map<std::string, Tensor>;

Tensors tensors_of(const std::string& folder) {
  const auto file = test_data("merges") / folder / "model.safetensors";
  const auto header = read_safetensors_header(file);
  const auto whole = read_text(file);
  Tensors tensors;
  for (const auto& [info, begin, end] : header.entries) {
    auto& tensor = tensors[info.name];
    tensor = {info.shape, std::vector<float>((end - begin) / sizeof(float))};
    std::memcpy(tensor.numbers.data(), whole.data() + header.data_begin + begin, end - begin);
  }
  return tensors;
}

using Said = std::map<std::string, double>;

struct Recipe {
  const char* folder;  // beside it lies the recipe, which says what the members below say
  const char* method;
  std::vector<std::string> models;
  std::optional<std::size_t> base;
  std::vector<Said> of_models;
  Said shared;
};

std::vector<Recipe> recipes() {
  return {
      {"linear", "linear", {"a", "b"}, {}, {{{"weight", 0.7}}, {{"weight", 0.5}}}, {}},
      {"linear-raw", "linear", {"a", "b"}, {}, {{{"weight", 0.7}}, {{"weight", 0.5}}}, {{"normalize", 0}}},
      {"task-arithmetic",
       "task_arithmetic",
       {"a", "b", "base"},
       2,
       {{{"weight", 0.6}}, {{"weight", 0.9}}},
       {{"lambda", 0.8}}},
      {"ties",
       "ties",
       {"a", "b", "base"},
       2,
       {{{"weight", 0.6}, {"density", 0.5}}, {{"weight", 0.9}, {"density", 0.3}}},
       {{"normalize", 1}}},
      {"breadcrumbs",
       "breadcrumbs",
       {"a", "b", "base"},
       2,
       {{{"weight", 0.6}, {"density", 0.8}, {"gamma", 0.05}}, {{"weight", 0.9}, {"density", 0.7}, {"gamma", 0.1}}},
       {}},
      {"model-stock", "model_stock", {"a", "b", "base"}, 2, {}, {}},
      {"nuslerp", "nuslerp", {"a", "b"}, {}, {{{"weight", 0.6}}, {{"weight", 0.9}}}, {}},
      {"karcher", "karcher", {"a", "b"}, {}, {}, {}},
      {"arcee-fusion", "arcee_fusion", {"b", "a"}, 1, {}, {}},
  };
}

SmallMerge merge_of(const Recipe& recipe, const std::map<std::string, Tensors>& models, const std::string& tensor) {
  SmallMerge merge{.base = recipe.base, .of_models = recipe.of_models, .shared = recipe.shared};
  for (const auto& model : recipe.models) merge.models.push_back(models.at(model).at(tensor).numbers);
  merge.dimensions = models.at("a").at(tensor).shape;
  return merge;
}

std::map<std::string, Tensors> all_models() {
  std::map<std::string, Tensors> models;
  for (const std::string name : {"a", "b", "base"}) models[name] = tensors_of("models/" + name);
  return models;
}

// The recipe's gradients over four layers: straight lines between five values at layers 0, 0.75, 1.5, 2.25 and 3.
double slerp_t(const std::string& tensor) {
  constexpr double kAttention[] = {0, 0.5 - 0.2 / 3, 0.3 + 0.4 * 2 / 3, 1};
  constexpr double kMlp[] = {1, 0.5 + 0.2 / 3, 0.7 - 0.4 * 2 / 3, 0};
  constexpr std::string_view kLayers = "model.layers.";
  if (!tensor.starts_with(kLayers)) return 0.5;
  const auto layer = tensor[kLayers.size()] - '0';
  if (tensor.find("self_attn") != std::string::npos) return kAttention[layer];
  return tensor.find("mlp") != std::string::npos ? kMlp[layer] : 0.5;
}

}  // namespace

TEST_CASE("merge methods: every tensor is mergekit's, to a millionth of its largest number", "[merge][methods]") {
  const auto recipe = GENERATE(from_range(recipes()));
  INFO(recipe.folder);
  const auto models = all_models();
  const auto expected = tensors_of(recipe.folder);
  REQUIRE(expected.size() == models.at("a").size());
  for (const auto& [name, tensor] : expected) {
    INFO(name);
    // As a whole, and some rows at a time.
    for (const auto rows : {1 << 20, 3}) {
      const auto difference = worst(merged(recipe.method, merge_of(recipe, models, name), rows), tensor.numbers);
      CHECK(difference <= 1e-6);
    }
  }
}

TEST_CASE("slerp: every tensor is mergekit's, each at its own t", "[merge][methods]") {
  const auto models = all_models();
  for (const auto& [name, tensor] : tensors_of("slerp")) {
    INFO(name);
    const Recipe recipe{"slerp", "slerp", {"a", "b"}, 0, {}, {{"t", slerp_t(name)}}};
    CHECK(worst(merged("slerp", merge_of(recipe, models, name)), tensor.numbers) <= 1e-6);
  }
}

// Layers 3 to 5 are the other model's 1 to 3, whose output projections are scaled by 0.
TEST_CASE("passthrough: numbers come through bit for bit, or scaled", "[merge][methods]") {
  const auto models = all_models();
  const std::string projection = "self_attn.o_proj.weight", other = "self_attn.q_proj.weight";
  for (const std::string folder : {"passthrough", "passthrough-scaled"}) {
    const auto expected = tensors_of(folder);
    const double scale = folder == "passthrough" ? 1 : 0;
    const auto& b = models.at("b");
    CHECK(merged("passthrough", {.models = {b.at("model.layers.1." + other).numbers}}) ==
          expected.at("model.layers.3." + other).numbers);
    CHECK(merged("passthrough",
                 {.models = {b.at("model.layers.1." + projection).numbers}, .of_models = {{{"scale", scale}}}}) ==
          expected.at("model.layers.3." + projection).numbers);
  }
}
