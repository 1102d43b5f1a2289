// Differences that no LoRA says, and models that are not two of one kind: refused with the reason.
#include <garage/nn/extract_lora.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "is_error.hpp"
#include "tuned_model.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

TEST_CASE("extract lora: what cannot be extracted is refused with the reason", "[nn][lora][errors]") {
  struct Case {
    const char* title;
    const char* base;
    Change change;
    nn::LoraOptions options;
    Errc code;
    const char* says;
  };
  const auto one = [](const char* name) { return [name](Tensors& tensors) { tensors.at(name).add_(0.5); }; };
  const auto c = GENERATE_COPY(values<Case>({
      {"rank 0", "llama-2", change_all, {0, {}}, Errc::kInvalidArgument, "rank 0: should be 1 or more"},
      {"energy 0",
       "llama-2",
       change_all,
       {{}, 0.0},
       Errc::kInvalidArgument,
       "energy 0: should be above 0, and 1 at most"},
      {"energy above 1", "llama-2", change_all, {{}, 1.5}, Errc::kInvalidArgument, "energy 1.5"},
      {"no energy", "llama-2", change_all, {{}, std::nan("")}, Errc::kInvalidArgument, "energy nan"},
      {"neither", "llama-2", change_all, {}, Errc::kInvalidArgument, "neither a rank nor an energy is given"},
      {"the same weights",
       "llama-2",
       [](Tensors&) {},
       {4, {}},
       Errc::kInvalidArgument,
       "'base' and 'tuned' do not differ in any tensor"},
      {"a norm alone",
       "llama-2",
       one("model.norm.weight"),
       {4, {}},
       Errc::kInvalidArgument,
       "differ in tensors such as 'model.norm.weight', and in no linear weight"},
      {"numbers that are not finite",
       "llama-2",
       [](Tensors& tensors) { tensors.at("model.layers.1.mlp.up_proj.weight")[3][4] = std::nanf(""); },
       {4, {}},
       Errc::kUnsupported,
       "tensor 'model.layers.1.mlp.up_proj.weight' differs, and one of the models has numbers in it that are not "
       "finite"},
  }));
  DYNAMIC_SECTION(c.title) {
    Models models(reference(c.base), c.change);
    CHECK_THROWS_MATCHES(models.extract(c.options), Error, is_error(c.code, c.says));
    CHECK_FALSE(fs::exists(models.folder));
  }
}

TEST_CASE("extract lora: models that compute something else are refused", "[nn][lora][errors]") {
  struct Case {
    const char *a, *b, *says;
  };
  const auto c = GENERATE(values<Case>({
      {"llama-2", "llama-3.1", "rotary_emb: scaling.factor is - and 8"},
      {"qwen2-mha", "llama-2", "attention_{0..2}: "},
      {"mistral", "llama-2", "attention_{0..2}: k.weight is [16, 32] and [32, 32]"},
      {"mixtral", "mixtral-fused", "is tensor 'model.layers.0.block_sparse_moe"},
      {"gpt2", "gpt2-hub", "weight of embedding is tensor 'transformer.wte.weight' and 'wte.weight'"},
      {"llama-2", "gpt2", "has no part"},
  }));
  DYNAMIC_SECTION(c.a << " " << c.b) {
    TestRegistry registry;
    for (const auto* id : {c.a, c.b}) registry->register_model(id, open_checkpoint(reference(id)));
    CHECK_THROWS_MATCHES(nn::extract_lora(registry.registry, c.a, c.b, registry.folder / "adapter", {4, {}}), Error,
                         is_error(Errc::kUnsupported, c.says));
  }
}

TEST_CASE("extract lora: a constant that differs is no difference of weights", "[nn][lora][errors]") {
  Models models(reference("llama-2"), change_all);
  const auto file = models.registry.folder / "tuned/config.json";
  auto config = read_text(file);
  config.replace(config.find("10000.0"), 7, "50000.0");
  write_text(file, config);
  models.registry->register_model("tuned", open_checkpoint(models.registry.folder / "tuned"));
  CHECK_THROWS_MATCHES(models.extract({4, {}}), Error,
                       is_error(Errc::kUnsupported, "rotary_emb: theta is 10000 and 50000"));
}
