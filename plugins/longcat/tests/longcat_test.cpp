// LongCat's config and layout, held against transformers' own code (modeling_longcat_flash.py,
// configuration_longcat_flash.py).
#include <cmath>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Approx;
namespace json = boost::json;

namespace {

Draft longcat() { return Draft("longcat/longcat"); }

}  // namespace

TEST_CASE("longcat: a layer is two attentions and two feed-forwards, and a mixture beside the second half", "[plugins][longcat]") {
  const auto spec = longcat().register_it();
  CHECK(spec->family == "longcat");
  CHECK(spec->num_layers == 2);
  const auto& layer = blueprint<Custom>(*spec, "layer_1");
  CHECK(layer.builder == "layer");
  CHECK(layer.parts == std::vector<PartRef<PartRole::any>>{"input_layernorm_1", "attention_1", "post_attention_layernorm_1", "mlp_1", "ffn_1",
                                                           "second_input_layernorm_1", "second_attention_1", "second_post_attention_layernorm_1", "second_mlp_1"});
  CHECK(spec->parts.find("second_attention_1")->module_path == "model.layers.1.self_attn.1");
  CHECK(spec->parts.find("second_mlp_1")->intermediate_dim == 24);
}

TEST_CASE("longcat: queries and the latent are as large as if they came from all of the hidden size", "[plugins][longcat]") {
  const auto spec = longcat().register_it();
  const auto& attention = blueprint<Attention>(*spec, "second_attention_0");
  CHECK(attention.scale == Approx(std::sqrt(16.0 / 6) / std::sqrt(8.0)));
  CHECK(attention.latent->scale == Approx(std::sqrt(16.0 / 8)));
  CHECK(rope(attention).pairing == RopePairing::interleaved);
  CHECK(rope(attention).theta == 1e7);
}

TEST_CASE("longcat: the last experts that the router scores give a token back, and their tensors are left out", "[plugins][longcat]") {
  auto draft = longcat();
  const auto spec = draft.register_it();
  CHECK(spec->parts.find("gate_0")->output_dim == 6);
  const auto& mixture = blueprint<Custom>(*spec, "ffn_0");
  CHECK(mixture.parts.size() == 1 + 4);
  CHECK(mixture.attributes == json::object{{"top_k", 2}, {"scale", 6.0}, {"identity_experts", 2}});
  CHECK(spec->ignored.size() == 4);
  std::erase_if(draft.tensors, [](const TensorInfo& tensor) { return tensor.name.find("experts.4.") != tensor.name.npos || tensor.name.find("experts.5.") != tensor.name.npos; });
  CHECK(draft.register_it()->parts == spec->parts);  // as the published files are
}

TEST_CASE("longcat: what its class does not compute is refused", "[plugins][longcat]") {
  struct Case { const char* key; json::value value; Errc code; const char* says; };
  for (const auto& c : std::vector<Case>{{"router_bias", true, Errc::kUnsupported, "'router_bias' is true: a bias of the router is not handled"},
                                         {"q_lora_rank", nullptr, Errc::kCorrupt, "q_lora_rank"},
                                         {"head_dim", 8, Errc::kCorrupt, "'head_dim' is 8, should be what qk_rope_head_dim is, 4"},
                                         {"moe_topk", 7, Errc::kCorrupt, "'moe_topk' is 7, should be no more than there are experts, 6"},
                                         {"num_layers", 3, Errc::kCorrupt, "num_layers is 3, the tensors have 2"},
                                         {"n_routed_experts", 7, Errc::kCorrupt, "there are 7 experts, the tensors have 6"},
                                         {"zero_expert_num", 1, Errc::kCorrupt, "model.layers.0.mlp."}}) {
    INFO(c.key);
    auto draft = longcat();
    draft.config[c.key] = c.value;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(c.code, c.says));
  }
}
