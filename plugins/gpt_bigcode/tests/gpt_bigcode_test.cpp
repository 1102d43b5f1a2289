#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft bigcode() { return Draft(open_checkpoint(family_data("gpt_bigcode", "gpt-bigcode") / "checkpoint")); }

}  // namespace

TEST_CASE("gpt-bigcode: one head of keys and values for all, or each head's rows together", "[plugins][gpt_bigcode]") {
  using Kind = ViewStep::Kind;
  auto draft = bigcode();
  const auto spec = draft.register_it();
  CHECK(spec->family == "gpt_bigcode");
  const auto& attention = blueprint<Attention>(*spec, "attention_2");
  CHECK(attention.kv_heads == 1);
  CHECK(attention.scale == 0.5);
  CHECK(linear(attention.v).bias == TensorRef{"transformer.h.2.attn.c_attn.bias", {{Kind::view, {1, 6, 4}}, {Kind::select, {1, 5}}, {Kind::view, {4}}}});
  CHECK(steps(*spec) == std::vector<std::string>{"embedding", "pos_embedding", "layer_0", "layer_1", "layer_2", "ln_f", "output_head"});

  draft.config["multi_query"] = false;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "view [4, 3, 4, 16] does not fit [24, 16]"));
  for (auto& tensor : draft.tensors)
    if (tensor.name.find("c_attn") != std::string::npos) tensor.shape[0] = 48;
  const auto apart = draft.register_it();
  CHECK(blueprint<Attention>(*apart, "attention_0").kv_heads == 4);
  CHECK(linear(blueprint<Attention>(*apart, "attention_0").k).weight == TensorRef{"transformer.h.0.attn.c_attn.weight", {{Kind::view, {4, 3, 4, 16}}, {Kind::select, {1, 1}}, {Kind::view, {16, 16}}}});
}

TEST_CASE("gpt-bigcode: scores are scaled unless the config says no; a decoder of an encoder's is refused", "[plugins][gpt_bigcode]") {
  auto draft = bigcode();
  draft.config["scale_attn_weights"] = false;
  CHECK(blueprint<Attention>(*draft.register_it(), "attention_0").scale == 1);
  draft.config["add_cross_attention"] = true;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'add_cross_attention' is true"));
}
