// What is off, and by how much: specs that are right but for one thing, against what transformers computed.
#include <garage/nn/reference.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <fmt/format.h>

#include <garage/checkpoint.hpp>
#include <garage/safetensors.hpp>

#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

fs::path computed(const std::string& variant) { return test_data("computed") / (variant + ".safetensors"); }

const nn::ComparedPart* first_off(const nn::ReferenceComparison& comparison) {
  for (const auto& part : comparison.parts)
    if (!part.is_within(1e-5)) return &part;
  return nullptr;
}

template <class Op, class Change>
void each(ModelSpec& spec, Change change) {
  for (auto& [name, part] : spec.parts)
    if (auto* op = std::get_if<Op>(&*part.blueprint)) change(part, *op);
}

void wrong_theta(ModelSpec& spec) {
  each<Attention>(spec, [](PartSpec&, Attention& attention) { std::get<Rope>(attention.position).theta *= 50; });
}
void wrong_pairing(ModelSpec& spec) {
  each<Attention>(spec, [](PartSpec&, Attention& attention) {
    std::get<Rope>(attention.position).pairing = RopePairing::interleaved;
  });
}
void wrong_scale(ModelSpec& spec) {
  each<Attention>(spec, [](PartSpec&, Attention& attention) { attention.scale = 1; });
}
void wrong_heads(ModelSpec& spec) {
  each<Attention>(spec, [](PartSpec& part, Attention& attention) {
    attention.heads /= 2, attention.kv_heads /= 2, attention.qk_dim *= 2, attention.v_dim *= 2;
    part.num_heads = attention.heads;
    part.head_dim = attention.qk_dim;
  });
}
void wrong_activation(ModelSpec& spec) {
  each<FeedForward>(spec, [](PartSpec&, FeedForward& ffn) { ffn.activation = "gelu"; });
}
void wrong_offset(ModelSpec& spec) {
  each<Norm>(spec, [](PartSpec&, Norm& norm) { norm.weight_offset = 0; });
}

}  // namespace

TEST_CASE("nn: of a spec that computes something else the first part that is off is named, and by how much", "[nn][reference]") {
  struct Case { const char* title; const char* variant; void (*change)(ModelSpec&); const char* part; };
  const auto c = GENERATE(values<Case>({
      {"rope", "llama-2", wrong_theta, "attention_0"},
      {"pairing", "llama-2", wrong_pairing, "attention_0"},
      {"scale", "llama-2", wrong_scale, "attention_0"},
      {"head count", "llama-2", wrong_heads, "attention_0"},
      {"activation", "llama-2", wrong_activation, "ffn_0"},
      {"norm offset", "gemma", wrong_offset, "layer_0"},
  }));
  DYNAMIC_SECTION(c.title) {
    TestRegistry registry;
    auto spec = *registry->register_model("m", open_checkpoint(reference(c.variant)));
    REQUIRE(first_off(nn::compare_with_reference(registry.registry, "m", computed(c.variant))) == nullptr);
    c.change(spec);
    REQUIRE(registry->catalog().save(spec));
    const auto comparison = nn::compare_with_reference(ModelRegistry(registry->config()), "m", computed(c.variant));
    const auto* off = first_off(comparison);
    REQUIRE(off);
    CHECK(off->part == c.part);
    CHECK(off->fault == "");
    CHECK(off->difference > 1e-3);
    CHECK_FALSE(comparison.parts.back().is_within(1e-5));  // the logits
    CHECK(comparison.parts.back().part == "logits");
  }
}

TEST_CASE("nn: what a reference has beside this model's parts is listed, and nothing at all is refused", "[nn][reference]") {
  TestRegistry registry;
  registry->register_model("m", open_checkpoint(reference("llama-2")));
  const float number = 0;
  const auto write = [&](std::initializer_list<const char*> names) {
    std::vector<SafetensorsData> data;
    for (const auto* name : names) data.push_back({{name, DType::kF32, {1, 1, 1}}, &number});
    write_safetensors(registry.folder / "r.safetensors", std::move(data));
    return registry.folder / "r.safetensors";
  };
  CHECK_THROWS_MATCHES(nn::compare_with_reference(registry.registry, "m", write({"mixer_0.in", "mixer_0.out"})), Error, is_error(Errc::kInvalidArgument, "has nothing to compare with"));
  const auto comparison = nn::compare_with_reference(registry.registry, "m", write({"mixer_0.in", "norm.out", "attention_0.in", "attention_0.out", "logits", "embedding.q"}));
  REQUIRE(comparison.parts.size() == 1);
  CHECK_THAT(comparison.parts[0].fault, ContainsSubstring("attention_0: hidden_states should be (batch, seq, 32)"));
  CHECK(comparison.passed_over == std::vector<std::string>{"norm.out: there is no norm.in", "logits: there are no input_ids", "embedding.q: is not one of `.in` and `.out`", "mixer_0.in: the model has no part 'mixer_0'"});
  CHECK_THROWS_MATCHES(nn::compare_with_reference(registry.registry, "m", registry.folder / "none.safetensors"), Error, is_error(Errc::kNotFound, "none.safetensors"));
}
