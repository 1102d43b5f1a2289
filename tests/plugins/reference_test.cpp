// The reference checkpoints' specs, held against what tells how they were made: the configs that transformers wrote
// and transformers' own code (facts named beside each).
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("reference: every variant registers, and counts each learned number once", "[plugins]") {
  // Sums of the element counts in the files' headers, less masks; llama-sharded's index says its own total_parameters.
  struct Case { const char* variant; std::int64_t parameters; std::size_t parts; };
  const auto c = GENERATE(values<Case>({{"gpt2", 43296, 20}, {"gpt2-hub", 43296, 20}, {"gpt2-scaled-attn", 16132, 15},
                                        {"llama-2", 34784, 20}, {"llama-3.1", 31712, 20}, {"llama-3.1-v4", 31712, 20},
                                        {"llama-3.2-tied", 28640, 20}, {"llama-biased", 34760, 20}, {"llama-sharded", 44320, 25}}));
  DYNAMIC_SECTION(c.variant) {
    const auto spec = registered(c.variant);
    CHECK(spec->parameters == c.parameters);
    CHECK(spec->parts.size() == c.parts);
    std::int64_t in_headers = 0;
    const auto model = open_checkpoint(reference(c.variant));
    for (const auto& tensor : model.tensors())
      if (!tensor.name.ends_with(".attn.bias") && !tensor.name.ends_with(".masked_bias")) in_headers += tensor.elements();
    CHECK(spec->parameters == in_headers);
  }
}

TEST_CASE("reference: a spec reads back from its document as it was", "[plugins]") {
  for (const auto& variant : kVariants) {
    const auto spec = registered(variant);
    CHECK(read_spec(write_spec(*spec), variant) == *spec);
  }
}
