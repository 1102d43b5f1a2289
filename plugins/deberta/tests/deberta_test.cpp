#include <catch2/catch_test_macros.hpp>

#include <garage/spec_document.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft deberta(const char* variant) { return Draft(open_checkpoint(family_data("deberta", variant) / "checkpoint")); }

}  // namespace

TEST_CASE("deberta: without relative positions its attention is a plain one, of a scale of its own", "[plugins][deberta]") {
  const auto spec = deberta("deberta").register_it();
  CHECK(spec->parameters == 7872);  // as transformers counts
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(attention.scale == 0.5);  // 1 / sqrt(4 * (1 + 0))
  CHECK(linear(attention.q).bias->tensor == "deberta.encoder.layer.0.attention.self.q_bias");
  CHECK_FALSE(linear(attention.k).bias);
}

TEST_CASE("deberta: the table of distances is the first layer's, and counts once", "[plugins][deberta]") {
  const auto spec = deberta("deberta-v2").register_it();
  CHECK(spec->parameters == 8208);
  const auto& second = blueprint<Custom>(*spec, "attention_1");
  CHECK(second.builder == "disentangled_attention");
  CHECK(second.tensors.at("table").tied_to == PartRef<PartRole::owner>("attention_0"));
  CHECK_FALSE(blueprint<Custom>(*spec, "attention_0").tensors.at("table").tied_to);
  CHECK(second.tensors.at("table").shape == TensorShape{16, 16});
  const auto text = write_spec(*spec);
  CHECK(text.find("\"tied_to\"") != std::string::npos);
  CHECK(write_spec(read_spec(text, "m.json")) == text);
  for (const auto& [variant, parameters] :
       {std::pair{"deberta-disentangled", 1976}, {"deberta-sequence", 2107}, {"deberta-v2-conv", 1728}, {"deberta-v2-own-keys", 2008}, {"deberta-v2-sequence", 1611}}) {
    INFO(variant);
    CHECK(deberta(variant).register_it()->parameters == parameters);
  }
}

TEST_CASE("deberta: files of the first authors have the newer head", "[plugins][deberta]") {
  auto draft = deberta("deberta");
  for (auto& tensor : draft.tensors) {
    if (tensor.name.starts_with("cls.predictions.transform.")) tensor.name.replace(0, 26, "lm_predictions.lm_head.");
    else if (tensor.name.starts_with("cls.predictions.")) tensor.name.replace(0, 16, "lm_predictions.lm_head.");
  }
  draft.tensors.push_back({"mask_predictions.dense.weight", DType::kF32, {16, 16}});
  draft.config.erase("architectures");
  const auto spec = draft.register_it();
  CHECK(blueprint<Dense>(*spec, "head_transform").linear.weight.tensor == "lm_predictions.lm_head.dense.weight");
  CHECK(blueprint<OutputHead>(*spec, "output_head").projection.bias->tensor == "lm_predictions.lm_head.bias");
}

TEST_CASE("deberta: what is not computed is refused by its key", "[plugins][deberta]") {
  struct Case { const char* key; boost::json::value value; const char* says; };
  for (const Case& c : {Case{"talking_head", true, "'talking_head' is true"}, Case{"pos_att_type", "c2p|p2p", "'pos_att_type' is \"c2p|p2p\""},
                        Case{"attention_head_size", 8, "'attention_head_size' is 8"}}) {
    auto draft = deberta("deberta-v2");
    draft.config[c.key] = c.value;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, c.says));
  }
}
