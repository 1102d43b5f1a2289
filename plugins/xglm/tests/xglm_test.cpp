#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft xglm() { return Draft(open_checkpoint(family_data("xglm", "xglm") / "checkpoint")); }

}  // namespace

TEST_CASE("xglm: positions are computed, and count from 2", "[plugins][xglm]") {
  const auto spec = xglm().register_it();
  CHECK(spec->family == "xglm");
  CHECK(spec->parameters == 6552);  // as transformers counts them
  CHECK(blueprint<SinusoidalEmbedding>(*spec, "pos_embedding") == SinusoidalEmbedding{16, AngularSpeed::to_base, 10000, 2});
  CHECK(blueprint<Embedding>(*spec, "embedding").scale == 4);
  CHECK(spec->parts.find("pos_embedding")->module_path == "model.embed_positions");
  CHECK(steps(*spec) == std::vector<std::string>{"embedding", "pos_embedding", "layer_0", "layer_1", "layer_2", "layer_norm", "output_head"});
}

TEST_CASE("xglm: a table of positions that a file has is left out", "[plugins][xglm]") {
  auto draft = xglm();
  const auto spec = draft.register_it();
  draft.tensors.push_back({"model.embed_positions.weights", DType::kF32, {66, 16}});
  const auto with_table = draft.register_it();
  CHECK(with_table->parts == spec->parts);
  CHECK(with_table->parameters == spec->parameters);
}

TEST_CASE("xglm: what its class can be asked for and is not handled is refused by its key", "[plugins][xglm]") {
  auto draft = xglm();
  draft.config["pad_token_id"] = 2;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'pad_token_id' is 2"));
  draft = xglm();
  draft.config["add_cross_attention"] = true;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'add_cross_attention' is true"));
}
