#include <catch2/catch_test_macros.hpp>

#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

SpecPtr spec_of(const char* variant) { return Draft(open_checkpoint(family_data("nomicbert", variant) / "checkpoint")).register_it(); }

}  // namespace

TEST_CASE("nomicbert: a rope, and BERT's order of norms; Jina's has biases and no gate", "[plugins][nomicbert]") {
  const auto nomic = spec_of("nomic-bert"), jina = spec_of("jina-embeddings-v3");
  CHECK(nomic->parameters == 7768);  // as transformers counts
  CHECK(jina->parameters == 6912);
  CHECK(spec_of("nomic-bert-sequence")->parameters == 1475);
  CHECK(spec_of("jina-embeddings-v3-model")->parameters == 1352);
  CHECK(rope(blueprint<Attention>(*nomic, "attention_0")).theta == 1000);
  CHECK(rope(blueprint<Attention>(*jina, "attention_0")).theta == 20000);
  CHECK(blueprint<FeedForward>(*nomic, "ffn_0").gate->weight.tensor == "nomic_bert.encoder.layers.0.mlp.fc12.weight");
  CHECK_FALSE(blueprint<FeedForward>(*jina, "ffn_0").gate);
  CHECK(blueprint<Layer>(*jina, "layer_2").stages[1].after == PartRef<PartRole::norm>("norm2_2"));
}
