#include <cmath>

#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft diffllama() { return Draft(open_checkpoint(family_data("diffllama", "diffllama") / "checkpoint")); }

}  // namespace

TEST_CASE("diffllama: attention is a difference of two, by a number that grows with the layers", "[plugins][diffllama]") {
  const auto spec = diffllama().register_it();
  CHECK(spec->family == "diffllama");
  const auto& own = blueprint<Custom>(*spec, "attention_1");
  CHECK(own.builder == "differential_attention");
  CHECK(own.attributes.at("lambda_init") == 0.8 - 0.6 * std::exp(-0.3));
  CHECK(own.tensors.at("lambda_q1").shape == TensorShape{4});
  CHECK(own.parts == std::vector<PartRef<PartRole::any>>{"rotary_emb_1"});
  CHECK(spec->parts.find("rotary_emb_1")->module_path == "model.rotary_emb");
  CHECK(spec->get_attention(1)->num_heads == 4);
}

TEST_CASE("diffllama: what it cannot be", "[plugins][diffllama]") {
  auto draft = diffllama();
  draft.config["is_causal"] = false;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "is_causal"));
  draft.config.erase("is_causal");
  draft.config["num_attention_heads"] = 3;
  draft.config["num_key_value_heads"] = 3;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "there are two attentions"));
}
