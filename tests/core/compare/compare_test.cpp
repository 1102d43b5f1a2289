// Comparison: levels argued from what the models are, and the Python registry's answer, correct this time.
#include <garage/compare.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/checkpoint.hpp>
#include <garage/find.hpp>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

namespace {

// A published model, from its config and the shapes of its tensors.
ModelSpec published(const std::string& id) {
  static TestRegistry registry;
  const auto source = test_data("real-models/" + id);
  const auto folder = registry.folder / id;
  write_checkpoint(folder, read_text(source / "config.json"), read_tensor_table(source / "tensors.tsv"));
  return *registry->register_model(id, open_checkpoint(folder));
}

ModelSpec reference_spec(const std::string& variant) {
  static TestRegistry registry;
  return *registry->register_model(variant, open_checkpoint(reference(variant)));
}

// The best of a type.
Swap best(const Comparison& comparison, const std::string& type) {
  Swap found;
  for (const auto& swap : comparison.swaps)
    if (swap.part_type == type && (found.part_type.empty() || swap.level > found.level)) found = swap;
  REQUIRE(found.part_type == type);
  return found;
}

bool has_reason(const Swap& swap, const std::string& field, const std::string& a, const std::string& b) {
  for (const auto& reason : swap.reasons)
    if (reason == SwapReason{field, a, b}) return true;
  return false;
}

}  // namespace

TEST_CASE("compare: published models, pair by pair", "[compare]") {
  struct Case { const char* why; const char* a; const char* b; const char* type; SwapLevel level; std::vector<SwapReason> reasons; };
  const auto c = GENERATE(values<Case>({
      {"the same shapes, turned by another theta", "mistralai/Mistral-7B-v0.1", "meta-llama/Meta-Llama-3-8B", "attention", SwapLevel::weights, {{"rope.theta", "10000", "500000"}}},
      {"the same class and sizes of feed-forward", "mistralai/Mistral-7B-v0.1", "meta-llama/Meta-Llama-3-8B", "ffn", SwapLevel::identical, {}},
      {"another vocabulary", "mistralai/Mistral-7B-v0.1", "meta-llama/Meta-Llama-3-8B", "embedding", SwapLevel::none, {{"input_dim", "32000", "128256"}}},
      {"32 heads of k and v against 8", "meta-llama/Llama-2-7b-hf", "meta-llama/Meta-Llama-3-8B", "attention", SwapLevel::drop_in, {{"kv_heads", "32", "8"}, {"k.weight", "[4096, 4096]", "[1024, 4096]"}}},
      {"another width", "meta-llama/Llama-3.2-1B", "meta-llama/Meta-Llama-3-8B", "attention", SwapLevel::none, {{"input_dim", "2048", "4096"}}},
  }));
  DYNAMIC_SECTION(c.a << " and " << c.b << ": " << c.type << ": " << c.why) {
    const auto swap = best(compare(published(c.a), published(c.b)), c.type);
    CHECK(swap.level == c.level);
    for (const auto& [field, a, b] : c.reasons) {
      INFO(field);
      CHECK(has_reason(swap, field, a, b));
    }
    CHECK(swap.reasons.empty() == (c.level == SwapLevel::identical));
  }
}

TEST_CASE("compare: layouts are no difference, what is computed is", "[compare]") {
  struct Case { const char* a; const char* b; const char* type; SwapLevel level; const char* field; };
  const auto c = GENERATE(values<Case>({
      {"mixtral", "mixtral-fused", "ffn", SwapLevel::identical, ""},
      {"mixtral", "mixtral-fused", "expert", SwapLevel::identical, ""},
      {"llama-2", "qwen2-mha", "attention", SwapLevel::drop_in, "q.bias"},        // Qwen 2 has biases
      {"llama-2", "qwen2-mha", "ffn", SwapLevel::identical, ""},
      {"phi-3-longrope", "llama-2", "attention", SwapLevel::weights, "rope.scaling.kind"},  // fused projections against separate ones
      {"phi-3-longrope", "llama-2", "ffn", SwapLevel::identical, ""},
      {"gemma", "llama-2", "layer_norm", SwapLevel::weights, "weight_offset"},     // stored around 0
      {"gemma", "gemma-2", "layer_norm", SwapLevel::identical, ""},
      {"gpt2", "phi-2", "layer_norm", SwapLevel::identical, ""},
      {"gpt2", "llama-2", "ffn", SwapLevel::drop_in, "gate.weight"},
      {"llama-2", "llama-3.2-tied", "output_head", SwapLevel::identical, ""},     // where its weight is kept is no difference
  }));
  DYNAMIC_SECTION(c.a << " and " << c.b << ": " << c.type) {
    const auto there = best(compare(reference_spec(c.a), reference_spec(c.b)), c.type);
    const auto back = best(compare(reference_spec(c.b), reference_spec(c.a)), c.type);
    CHECK(there.level == c.level);
    CHECK(back.level == c.level);
    REQUIRE(there.reasons.size() == back.reasons.size());
    for (std::size_t i = 0; i < there.reasons.size(); ++i) CHECK(there.reasons[i] == SwapReason{back.reasons[i].field, back.reasons[i].b, back.reasons[i].a});
    bool named = *c.field == '\0';
    for (const auto& reason : there.reasons) named = named || reason.field == c.field;
    CHECK(named);
  }
}

TEST_CASE("compare: a model is identical to itself, and layers that are alike are told as ranges", "[compare]") {
  const auto spec = reference_spec("gemma-3-text");
  const auto comparison = compare(spec, spec);
  for (const auto& [type, level] : levels_by_type(comparison)) CHECK(level == SwapLevel::identical);
  std::vector<std::string> attentions;
  for (const auto& swap : comparison.swaps)
    if (swap.part_type == "attention" && swap.level == SwapLevel::identical) attentions.push_back(swap.a);
  CHECK(attentions == std::vector<std::string>{"attention_{0..1,3..4}", "attention_{2,5}"});
  const auto mixture = compare(reference_spec("mixtral"), reference_spec("mixtral"));
  CHECK(best(mixture, "expert").a == "expert_{0..2}_{0..3}");
}

TEST_CASE("compare: the Python registry's answer, correct this time", "[compare][seed]") {
  // Equal head counts are no reason: the widths differ.
  const auto apart = compare(reference_spec("gpt2-scaled-attn"), reference_spec("gpt2"));
  CHECK(apart.compatible_parts.same_dim.empty());
  CHECK(apart.compatible_parts.attention_compatible.empty());
  const auto near = compare(reference_spec("llama-2"), reference_spec("mistral"));
  CHECK(near.models == std::vector<std::string>{"llama-2", "mistral"});
  CHECK(near.families == std::vector<std::string>{"llama", "mistral"});
  CHECK(near.hidden_dims == std::vector<std::int64_t>{32, 32});
  CHECK(near.compatible_parts.same_dim == std::vector<std::string>{"All parts potentially swappable"});
  CHECK(near.compatible_parts.attention_compatible == std::vector<std::string>{"attention_{0..2}"});
  CHECK(near.compatible_parts.ffn_compatible == std::vector<std::string>{"ffn_{0..2}"});
}

TEST_CASE("find: parts across the catalog, by what they are", "[find]") {
  TestRegistry registry;
  for (const auto* variant : {"llama-2", "llama-3.1", "mistral", "gemma-2", "phi-2", "mixtral"}) registry->register_model(variant, open_checkpoint(reference(variant)));
  const auto models = [&](const PartQuery& query) {
    std::vector<std::string> found;
    for (const auto& each : find_parts(registry.registry, query).found) found.push_back(each.model + ":" + each.parts);
    return found;
  };
  using Found = std::vector<std::string>;
  CHECK(models({.type = "attention", .kv_heads = 4}) == Found{"llama-2:attention_{0..2}", "phi-2:attention_{0..2}"});
  CHECK(models({.type = "attention", .head_dim = 12}) == Found{"gemma-2:attention_{0,2}", "gemma-2:attention_{1,3}"});
  CHECK(models({.activation = "gelu_new"}) == Found{"phi-2:ffn_{0..2}"});
  CHECK(models({.type = "attention", .rope_theta = 500000}) == Found{"llama-3.1:attention_{0..2}"});
  CHECK(models({.type = "expert"}) == Found{"mixtral:expert_{0..2}_{0..3}"});
  CHECK(models({.family = "gemma", .norm = "rms"}).size() == 1);
  CHECK(models({.type = "attention", .hidden_dim = 4096}).empty());

  PartQuery query;
  query.swappable_with = PartQuery::Like{"llama-3.1", "attention_1", SwapLevel::weights};
  CHECK(models(query) == Found{"llama-3.1:attention_{0,2}", "mistral:attention_{0..2}", "mixtral:attention_{0..2}"});
  query.swappable_with->level = SwapLevel::identical;
  CHECK(models(query) == Found{"llama-3.1:attention_{0,2}"});
  query.swappable_with->part = "attention_9";
  CHECK_THROWS_MATCHES(models(query), Error, is_error(Errc::kNotFound, "'llama-3.1' has no part 'attention_9'"));

  write_text(registry.folder / "catalog/broken.json", "{");
  const auto with_broken = find_parts(registry.registry, {.type = "expert"});
  CHECK(with_broken.found.size() == 1);
  REQUIRE(with_broken.unreadable.size() == 1);
  CHECK(with_broken.unreadable[0].find("broken.json") != std::string::npos);
}

TEST_CASE("compare: a spec that the Python registry wrote has no blueprints to compare", "[compare][errors]") {
  auto spec = reference_spec("llama-2");
  for (auto& [name, part] : spec.parts) part.blueprint.reset();
  CHECK_THROWS_MATCHES(compare(spec, spec), Error, is_error(Errc::kUnsupported, "'llama-2' has no blueprint of part 'embedding'; register it again to compare it"));
  TestRegistry registry;
  CHECK_THROWS_MATCHES(registry->compare("a", "b"), Error, is_error(Errc::kNotFound, "model 'a' is not registered"));
}
