#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft bloom() { return Draft(open_checkpoint(family_data("bloom", "bloom") / "checkpoint")); }

}  // namespace

TEST_CASE("bloom: linear biases, rows of each head, a norm of the embeddings", "[plugins][bloom]") {
  const auto spec = bloom().register_it();
  CHECK(spec->family == "bloom");
  CHECK(spec->parameters == 40 * 16 + 2 * 16 + 3 * (48 * 16 + 48 + 16 * 16 + 16 + 2 * 64 * 16 + 64 + 16 + 4 * 16) + 2 * 16);
  using Kind = ViewStep::Kind;
  const auto& attention = blueprint<Attention>(*spec, "attention_1");
  CHECK(std::get<Alibi>(attention.position) == Alibi{});
  CHECK(attention.scale == 0.5);
  CHECK(linear(attention.k).weight == TensorRef{"transformer.h.1.self_attention.query_key_value.weight", {{Kind::view, {4, 3, 4, 16}}, {Kind::select, {1, 1}}, {Kind::view, {16, 16}}}});
  CHECK(steps(*spec) == std::vector<std::string>{"embedding", "word_embeddings_layernorm", "layer_0", "layer_1", "layer_2", "ln_f", "output_head"});
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to == PartRef<PartRole::owner>("embedding"));
}

TEST_CASE("bloom: both spellings of its keys, and the first configs' n_embed", "[plugins][bloom]") {
  auto draft = bloom();
  const auto spec = draft.register_it();
  for (const auto& [own, common] : {std::pair{"n_layer", "num_hidden_layers"}, {"n_head", "num_attention_heads"}, {"hidden_size", "n_embed"}}) {
    draft.config[common] = draft.config.at(own);
    draft.config.erase(own);
  }
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config["hidden_size"] = 99;  // n_embed stands for it
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config["n_head"] = 2;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "num_attention_heads"));
}

TEST_CASE("bloom: a stream that is the norm's result is not handled, and says so", "[plugins][bloom]") {
  auto draft = bloom();
  draft.config["apply_residual_connection_post_layernorm"] = true;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'apply_residual_connection_post_layernorm' is true"));
}
