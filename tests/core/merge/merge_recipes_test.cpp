// Merges against what mergekit wrote for the same recipes (tests/data/merges), and what recipes of our own make.
#include <algorithm>
#include <cmath>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/checkpoint.hpp>
#include <garage/merge.hpp>

#include "is_error.hpp"
#include "merged.hpp"
#include "places.hpp"
#include "run_program.hpp"
#include "temporary_folder.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

TEST_CASE("merge: every recipe gives mergekit's tensors", "[merge][references]") {
  const auto name = GENERATE("arcee-fusion", "breadcrumbs", "karcher", "linear", "linear-raw", "model-stock", "nuslerp",
                             "passthrough", "passthrough-scaled", "slerp", "task-arithmetic", "ties",
                             "tokens-and-gradients");
  INFO(name);
  TestRegistry registry;
  const auto folder = registry.folder / "out";
  Merge(registry.registry, test_data("merges") / (std::string(name) + ".yaml")).write(folder);
  const auto expected = test_data("merges") / name;
  const auto wanted = open_checkpoint(expected), made = open_checkpoint(folder);
  REQUIRE(made.tensors().size() == wanted.tensors().size());
  // One rounding step of the numbers as they are written, or 1e-6 of the largest where they are float32.
  for (const auto& tensor : wanted.tensors()) {
    INFO(tensor.name);
    const auto* own = made.find(tensor.name);
    REQUIRE(own);
    CHECK(own->dtype == tensor.dtype);
    CHECK(own->shape == tensor.shape);
    const auto a = numbers_of(folder, tensor.name), b = numbers_of(expected, tensor.name);
    const auto largest = std::abs(*std::max_element(b.begin(), b.end(), [](float x, float y) { return std::abs(x) < std::abs(y); }));
    for (std::size_t i = 0; i < b.size(); ++i) {
      const double allowed = tensor.dtype == DType::kBF16 ? std::abs(b[i]) * 0x1p-7 : 1e-6 * largest;
      if (!(std::abs(a[i] - b[i]) <= allowed)) FAIL_CHECK("number " << i << " is " << a[i] << ", mergekit has " << b[i]);
    }
  }
  CHECK(made.config().at("num_hidden_layers") == wanted.config().at("num_hidden_layers"));
  CHECK(registry->register_model("out", made)->num_layers == wanted.config().at("num_hidden_layers"));
}

TEST_CASE("merge: passthrough copies bytes", "[merge][references]") {
  TestRegistry registry;
  const auto folder = registry.folder / "out";
  const Merge merge(registry.registry, test_data("merges/passthrough.yaml"));
  CHECK(merge.summary().copied_tensors == merge.summary().tensors);
  merge.write(folder);
  CHECK(bytes_of(folder) == bytes_of(test_data("merges/passthrough")));
}

TEST_CASE("merge: models are matched by their parts, whatever their tensors are called", "[merge]") {
  // The same model, fused as Phi-3 has it and apart as Llama has it; half of each is what both are.
  TestRegistry registry;
  const auto& folder = registry.folder;
  unfuse_phi3(reference("phi-3"), folder / "apart");
  const auto [base, other] = GENERATE(std::pair("fused", "apart"), std::pair("apart", "fused"));
  fs::create_directory_symlink(reference("phi-3"), folder / "fused");
  write_text(folder / "recipe.yaml", "merge_method: linear\nbase_model: " + std::string(base) + "\nmodels:\n  - model: " + base +
                                         "\n    parameters: {weight: 0.5}\n  - model: " + other +
                                         "\n    parameters: {weight: 0.5}\nallow: [" + "mask.window" + "]\n");
  Merge(registry.registry, folder / "recipe.yaml").write(folder / "out");
  CHECK(all_numbers(folder / "out") == all_numbers(folder / base));
}

TEST_CASE("merge: what is packed is merged with what is plain", "[merge]") {
  TestRegistry registry;
  const auto& folder = registry.folder;
  write_text(folder / "recipe.yaml", "merge_method: linear\nmodels:\n  - model: " + test_data("gguf/llama-F16").string() +
                                         "\n    parameters: {weight: 0.5}\n  - model: " + test_data("gguf/llama-Q8_0").string() +
                                         "\n    parameters: {weight: 0.5}\ndtype: float32\n");
  Merge(registry.registry, folder / "recipe.yaml").write(folder / "out");
  const auto a = numbers_of(test_data("gguf/llama-F16"), "model.layers.0.mlp.up_proj.weight"),
             b = numbers_of(test_data("gguf/llama-Q8_0"), "model.layers.0.mlp.up_proj.weight"),
             made = numbers_of(folder / "out", "model.layers.0.mlp.up_proj.weight");
  REQUIRE(made.size() == a.size());
  for (std::size_t i = 0; i < made.size(); ++i) CHECK(std::abs(made[i] - (a[i] + b[i]) / 2) <= 1e-6F);
}
