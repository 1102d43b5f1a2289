// What a fine-tune differs in from its base, as a LoRA: found again by LibTorch's own decomposition, and laid over the
// base by what reads PEFT's adapters.
#include <garage/nn/extract_lora.hpp>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <ATen/ops/linalg_svd.h>

#include <garage/nn/diff_weights.hpp>

#include "is_error.hpp"
#include "run_program.hpp"
#include "tuned_model.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

TEST_CASE("extract lora: a difference of rank 16 that was planted is found", "[nn][lora]") {
  const TemporaryFolder place;
  write_wide_llama(place / "wide");
  Tensors planted;
  Models models(place / "wide", [&](Tensors& tensors) {
    std::uint64_t seed = 7;
    for (const auto* module :
         {"model.layers.0.self_attn.q_proj", "model.layers.0.mlp.up_proj", "model.layers.0.mlp.down_proj"}) {
      auto& weight = tensors.at(std::string(module) + ".weight");
      planted[module] = random({weight.size(0), 16}, seed).matmul(random({16, weight.size(1)}, seed + 1)) * 1e-3;
      weight.add_(planted[module]);
      seed += 2;
    }
  });
  nn::LoraOptions options;
  SECTION("by its rank") { options.rank = 16; }
  SECTION("by its energy") { options.energy = 0.999999; }
  const auto extracted = models.extract(options);
  REQUIRE(extracted.weights.size() == 3);
  CHECK(extracted.equal == 9);
  CHECK(extracted.whole.empty());
  CHECK(extracted.kept > 0.999999);
  for (const auto& weight : extracted.weights) {
    INFO(weight.module);
    CHECK(weight.rank == 16);
    CHECK(weight.full_rank == 192);
    CHECK(weight.norm == Catch::Approx(planted.at(weight.module).norm().item<double>()).epsilon(1e-4));
    CHECK(relative_norm(product(models.adapter(), weight.module), planted.at(weight.module)) < 1e-3);
  }
  CHECK_THAT(models.config(), ContainsSubstring("\"r\": 16,") && ContainsSubstring("\"lora_alpha\": 16,") &&
                                  ContainsSubstring("\"rank_pattern\": {},"));
}

TEST_CASE("extract lora: what is kept is what the whole decomposition keeps", "[nn][lora]") {
  const TemporaryFolder place;
  write_wide_llama(place / "wide");
  const std::string name = "model.layers.0.mlp.up_proj";
  torch::Tensor difference;
  Models models(place / "wide", [&](Tensors& tensors) {
    auto& weight = tensors.at(name + ".weight");
    const auto before = weight.clone();
    // Singular values that fall slowly, as those of fine-tunes do.
    const auto [u, s, v] = at::linalg_svd(random(weight.sizes(), 3), false);
    weight.add_((u * torch::arange(1, 193).to(torch::kFloat32).pow(-0.5)).matmul(v) * 1e-2);
    difference = weight - before;
  });
  const auto squares = std::get<1>(at::linalg_svd(difference.to(torch::kFloat64))).square();
  const auto share = [&](std::int64_t rank) {
    return (squares.narrow(0, 0, rank).sum() / squares.sum()).item<double>();
  };
  SECTION("of a rank far below the dimension, and of one near it") {
    const std::int64_t rank = GENERATE(1, 8, 40, 100, 192);
    const auto weight = models.extract({rank, std::nullopt}).weights.at(0);
    CHECK(weight.rank == rank);
    CHECK(weight.kept == Catch::Approx(share(rank)).margin(1e-6));
    const auto lost = relative_norm(product(models.adapter(), name), difference);
    CHECK(lost * lost == Catch::Approx(1 - weight.kept).margin(1e-6));
  }
  SECTION("of an energy the smallest rank") {
    const double energy = GENERATE(0.05, 0.5, 0.9, 1.0);
    const auto weight = models.extract({std::nullopt, energy}).weights.at(0);
    CHECK(weight.kept >= energy - 1e-9);
    CHECK(share(weight.rank) >= energy - 1e-6);
    if (weight.rank > 1) CHECK(share(weight.rank - 1) < energy + 1e-6);
  }
  SECTION("the rank bounds what the energy asks for") {
    const auto weight = models.extract({5, 0.9}).weights.at(0);
    CHECK(weight.rank == 5);
    CHECK(weight.kept == Catch::Approx(share(5)).margin(1e-6));
  }
}

TEST_CASE("extract lora: an adapter that lies over a model is found again", "[nn][lora]") {
  TestRegistry registry;
  registry->register_model("base", open_checkpoint(test_data("adapters/llama")));
  OpenOptions options;
  options.adapters.push_back({test_data("adapters/lora"), 1});
  registry->register_model("adapted", open_checkpoint(test_data("adapters/llama"), options));
  const auto extracted =
      nn::extract_lora(registry.registry, "base", "adapted", registry.folder / "adapter", {4, std::nullopt});
  CHECK(extracted.weights.size() == 6);  // q and v of 3 layers
  CHECK(extracted.whole.empty());
  const auto theirs = read_tensors(test_data("adapters/lora/adapter_model.safetensors"));
  const auto ours = read_tensors(registry.folder / "adapter/adapter_model.safetensors");
  REQUIRE(ours.size() == theirs.size());
  for (const auto& [name, tensor] : theirs) CHECK(ours.at(name).sizes() == tensor.sizes());
  for (const auto& weight : extracted.weights)
    CHECK(relative_norm(product(ours, weight.module), product(theirs, weight.module) * 2) <
          1e-5);  // lora_alpha 8 of rank 4
}

TEST_CASE("extract lora: the same models give the same bytes", "[nn][lora]") {
  const TemporaryFolder place;
  write_wide_llama(place / "wide");
  Models models(place / "wide", change_all);
  models.extract({8, std::nullopt});
  const auto first = read_text(models.folder / "adapter_model.safetensors");
  models.folder = models.registry.folder / "again";
  models.extract({8, std::nullopt});
  CHECK(read_text(models.folder / "adapter_model.safetensors") == first);
}

TEST_CASE("extract lora: of full rank, the adapted base computes what the fine-tune computes", "[nn][lora]") {
  struct Case {
    const char* variant;
    std::size_t weights, whole;
  };
  const auto c = GENERATE(values<Case>({
      {"llama-2", 21, 9},         // embedding, head, 7 norms
      {"llama-biased", 21, 30},   // and biases
      {"llama-3.2-tied", 21, 9},  // the embedding twice
      {"gpt2", 12, 29},           // [in, out]; tied, positions, biases
      {"gpt2-hub", 12, 29},       // names without transformer.
      {"phi-3", 12, 9},           // q, k, v in one module; so gate and up
      {"phi-2", 18, 29},
      {"qwen2", 21, 18},
      {"qwen3", 21, 15},
      {"mixtral", 48, 12},        // experts that are modules; routers whole
      {"mixtral-fused", 12, 18},  // experts in one tensor
      {"qwen2-moe", 47, 20},      // one layer of three is dense
      {"gemma-2", 28, 19},        // four layers
  }));
  DYNAMIC_SECTION(c.variant) {
    Models models(reference(c.variant), change_all);
    const auto extracted = models.extract({1000, std::nullopt});
    CHECK(extracted.weights.size() == c.weights);
    CHECK(extracted.whole.size() == c.whole);
    CHECK(extracted.equal == 0);
    CHECK(extracted.kept == Catch::Approx(1).margin(1e-9));
    models.register_adapted();
    const auto theirs = models.logits("tuned");
    CHECK(apart(models.logits("base"), theirs) > 1e-3);
    CHECK(apart(models.logits("adapted"), theirs) <= 1e-5);
  }
}

TEST_CASE("extract lora: of other families, too", "[nn][lora]") {
  struct Case {
    const char *family, *variant;
  };
  const auto c = GENERATE(values<Case>({{"bloom", "bloom"},
                                        {"opt", "opt"},
                                        {"gptj", "gpt-j"},
                                        {"gptoss", "gpt-oss"},
                                        {"qwen", "qwen3.5-text"},
                                        {"qwen", "qwen3-next"},
                                        {"olmo", "olmo2"}}));
  DYNAMIC_SECTION(c.variant) {
    Models models(family_data(c.family, c.variant) / "checkpoint", change_all);
    const auto extracted = models.extract({1000, std::nullopt});
    CHECK(extracted.weights.size() > 4);
    models.register_adapted();
    CHECK(apart(models.logits("adapted"), models.logits("tuned")) <= 1e-5);
  }
}

TEST_CASE("extract lora: of a model with a vision tower each tensor is the fine-tune's", "[nn][lora]") {
  const auto base =
      GENERATE(reference("gemma-3-multimodal"), family_data("mistral", "mistral3") / "checkpoint",
               family_data("qwen", "qwen2.5-vl") / "checkpoint", family_data("qwen", "qwen3-vl") / "checkpoint");
  CAPTURE(base);
  Models models(base, change_all);
  const auto extracted = models.extract({1000, std::nullopt});
  CHECK(extracted.equal == 0);
  models.register_adapted();
  const auto comparison = nn::diff_weights(models.registry.registry, "tuned", "adapted");
  CHECK(comparison.left_out.empty());
  for (const auto& part : comparison.parts) {
    INFO(part.part);
    CHECK(part.relative_norm <= 1e-6);
  }
}

TEST_CASE("extract lora: a base that is quantised is decoded", "[nn][lora]") {
  const auto* form = GENERATE("gguf/llama-Q8_0", "quantised/bnb-nf4/checkpoint");
  Models models(test_data(form), change_all);
  models.extract({1000, std::nullopt});
  models.register_adapted();
  CHECK(apart(models.logits("adapted"), models.logits("tuned")) <= 1e-5);
}

TEST_CASE("extract lora: tensors are named as PEFT names them, and those that do not differ are left out",
          "[nn][lora]") {
  Models models(reference("gpt2"), [](Tensors& tensors) {
    for (const auto* name : {"transformer.h.0.attn.c_attn.weight", "transformer.h.0.attn.c_attn.bias",
                             "transformer.h.1.mlp.c_fc.bias", "transformer.ln_f.bias", "transformer.wte.weight"})
      tensors.at(name).add_(random(tensors.at(name).sizes(), 5), 0.1);
  });
  models.extract({4, std::nullopt});
  std::vector<std::string> names;
  const auto adapter = models.adapter();
  for (const auto& [name, tensor] : adapter) names.push_back(name);
  CHECK(names == std::vector<std::string>{
                     "base_model.model.lm_head.weight", "base_model.model.transformer.h.0.attn.c_attn.base_layer.bias",
                     "base_model.model.transformer.h.0.attn.c_attn.lora_A.weight",
                     "base_model.model.transformer.h.0.attn.c_attn.lora_B.weight",
                     "base_model.model.transformer.h.1.mlp.c_fc.bias", "base_model.model.transformer.ln_f.bias",
                     "base_model.model.transformer.ln_f.weight", "base_model.model.transformer.wte.weight"});
  CHECK(adapter.at("base_model.model.transformer.h.0.attn.c_attn.lora_A.weight").sizes() ==
        std::vector<std::int64_t>{4, 32});
  CHECK(adapter.at("base_model.model.transformer.h.0.attn.c_attn.lora_B.weight").sizes() ==
        std::vector<std::int64_t>{96, 4});
  CHECK_THAT(models.config(), ContainsSubstring(R"("fan_in_fan_out": true)") && ContainsSubstring(R"("bias": "all")") &&
                                  ContainsSubstring(R"("target_modules": ["transformer.h.0.attn.c_attn"])") &&
                                  ContainsSubstring(R"("modules_to_save": ["lm_head", "ln_f", "wte"])") &&
                                  ContainsSubstring(R"("ensure_weight_tying": true)"));
}

TEST_CASE("cli: extract-lora writes an adapter that register takes", "[nn][cli][lora]") {
  const TemporaryFolder folder;
  write_changed(reference("llama-2"), folder / "tuned", [](Tensors& tensors) {
    tensors.at("model.layers.2.self_attn.q_proj.weight").mul_(1.5);
    tensors.at("model.norm.weight").mul_(2);
  });
  const auto garage = [&](std::vector<std::string> arguments) {
    return run_program(garage_binary(), arguments,
                       {{"GARAGE_CATALOG", (folder / "catalog").string()}, {"HOME", folder.path().string()}});
  };
  garage({"register", "base", reference("llama-2").string()});
  garage({"register", "tuned", (folder / "tuned").string()});
  const auto lora = (folder / "lora").string();
  const auto text = garage({"extract-lora", "base", "tuned", "-o", lora, "--rank", "64"});
  INFO(text.err);
  CHECK(text.code == 0);
  CHECK_THAT(text.out,
             ContainsSubstring("model.layers.2.self_attn.q_proj    32  32") &&
                 ContainsSubstring("model.norm.weight: whole") &&
                 ContainsSubstring(
                     "a LoRA over 1 weights, 1 tensors whole, 28 equal; 8,320 bytes, 1.0000 of the squared norm kept"));
  CHECK_THAT(text.err, ContainsSubstring("note: rank 64 is above the smaller dimension of 1 weights"));
  CHECK(garage({"register", "adapted", reference("llama-2").string(), "--adapter", lora}).code == 0);
  const auto again = garage({"extract-lora", "base", "tuned", "-o", lora, "--rank", "64"});
  CHECK(again.code == static_cast<int>(Errc::kInvalidArgument));
  CHECK_THAT(again.err, ContainsSubstring("has an adapter in it"));
  CHECK_THAT(garage({"extract-lora", "base", "tuned", "-o", (folder / "tuned").string(), "--rank", "4"}).err,
             ContainsSubstring("has a model in it"));
  const auto json =
      garage({"extract-lora", "base", "tuned", "-o", (folder / "json").string(), "--energy", "0.5", "--json"});
  CHECK(json.code == 0);
  CHECK_THAT(json.out, ContainsSubstring("\"full_rank\": 32") && ContainsSubstring("\"kept\""));
  CHECK(garage({"extract-lora", "base", "tune", "-o", lora + "2", "--rank", "4"}).code ==
        static_cast<int>(Errc::kNotFound));
}
