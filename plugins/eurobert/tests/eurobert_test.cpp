#include <catch2/catch_test_macros.hpp>

#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

SpecPtr spec_of(const char* variant) { return Draft(open_checkpoint(family_data("eurobert", variant) / "checkpoint")).register_it(); }

}  // namespace

TEST_CASE("eurobert: Llama's layers, both ways; a sequence is pooled before it is scored, or after", "[plugins][eurobert]") {
  const auto spec = spec_of("eurobert");
  CHECK(spec->parameters == 7152);  // as transformers counts
  CHECK_FALSE(blueprint<Attention>(*spec, "attention_0").mask.causal);
  using Names = std::vector<std::string>;
  const auto last_three = [](const char* variant) {
    const auto all = steps(*spec_of(variant));
    return Names(all.end() - 3, all.end());
  };
  CHECK(last_three("eurobert-late") == Names{"head_transform", "classifier", "pooling"});
  CHECK(last_three("eurobert-sequence") == Names{"pooling", "head_transform", "classifier"});
  CHECK(spec_of("eurobert-late")->parameters == 1291);
}
