// HunYuan's configs and layouts, held against transformers' own code (modeling_hunyuan_v1_dense.py,
// modeling_hunyuan_v1_moe.py, modeling_hy_v3.py and their configurations).
#include <cmath>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Approx;

namespace {

const Attention& attention(const SpecPtr& spec) { return blueprint<Attention>(*spec, "attention_0"); }
const Router& router(const SpecPtr& spec) { return blueprint<Router>(*spec, "gate_1"); }

}  // namespace

TEST_CASE("hunyuan: q and k are normed once they have turned", "[plugins][hunyuan]") {
  const auto spec = registered("hunyuan/hunyuan-dense");
  CHECK(spec->family == "hunyuan");
  CHECK(attention(spec).norms_after_position == true);
  CHECK(attention(spec).q_norm.value().weight == TensorRef{"model.layers.0.self_attn.query_layernorm.weight", {}});
  CHECK(rope(attention(spec)) == Rope{.theta = 10000, .dims = 4});
}

TEST_CASE("hunyuan: a dynamic rope with an alpha is a plain one of a larger theta", "[plugins][hunyuan]") {
  Draft draft("hunyuan/hunyuan-dense");
  draft.config.erase("rope_parameters");
  draft.config["rope_theta"] = 10000;
  draft.config["rope_scaling"] = {{"type", "dynamic"}, {"alpha", 1000.0}, {"factor", 1.0}, {"mscale", 1.0}, {"mscale_all_dim", 1.0}};
  const auto spec = draft.register_it();
  CHECK(rope(attention(spec)).theta == Approx(10000 * std::pow(1000, 4.0 / 2)));
  CHECK(rope(attention(spec)).scaling == RopeScaling{});
  CHECK(std::string(spec->extra_info.at("rope_alpha").as_string()).find("longer than 64 positions") != std::string::npos);
  draft.config["rope_scaling"] = {{"type", "dynamic"}, {"factor", 2.0}};
  CHECK(rope(attention(draft.register_it())).scaling.kind == RopeScalingKind::dynamic);
  draft.config["rope_scaling"] = {{"type", "dynamic"}, {"alpha", -1.0}};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'alpha' is -1E0, should be a number above 0"));
}

TEST_CASE("hunyuan: experts are as wide as the shared one, and each layer may visit as many as it says", "[plugins][hunyuan]") {
  Draft draft("hunyuan/hunyuan-moe");
  const auto spec = draft.register_it();
  CHECK(router(spec).scores.weight.tensor == "model.layers.1.mlp.gate.wg.weight");
  CHECK(router(spec).scoring == Scoring::softmax);
  CHECK(router(spec).renormalise);
  CHECK(router(spec).top_k == 2);
  CHECK(spec->parts.find("shared_expert_0")->intermediate_dim == 24);
  CHECK(spec->parts.find("shared_expert_0")->module_path == "model.layers.0.mlp.shared_mlp");
  draft.config["moe_topk"] = {2, 3, 1};
  CHECK(router(draft.register_it()).top_k == 3);
  draft.config["moe_topk"] = {2, 3};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "a number, or one for each of 3 layers"));
  draft.config["moe_topk"] = {2, 0, 1};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "numbers above 0"));
  draft.config.erase("moe_topk");  // HunYuanMoEV1Config's own
  CHECK(router(draft.register_it()).top_k == 1);
}

TEST_CASE("hunyuan: classes whose names have the words of model_type in another order are known", "[plugins][hunyuan]") {
  for (const auto* variant : {"hunyuan/hunyuan-dense", "hunyuan/hunyuan-moe", "hunyuan/hy-v3"}) {
    Draft draft(variant);
    const auto spec = draft.register_it();
    draft.config.erase("model_type");
    CHECK(draft.register_it()->parts == spec->parts);
  }
}

TEST_CASE("hy3: sigmoids with a correction, always divided by their sum, under the names of its files or of transformers", "[plugins][hunyuan]") {
  Draft draft("hunyuan/hy-v3");
  const auto spec = draft.register_it();
  CHECK_FALSE(attention(spec).norms_after_position);
  CHECK(router(spec).correction == TensorRef{"model.layers.1.mlp.expert_bias", {}});
  CHECK(router(spec).scores.weight.tensor == "model.layers.1.mlp.router.gate.weight");
  CHECK(router(spec).sum_epsilon == 1e-20);
  CHECK(router(spec).scale == 2.826);
  CHECK_FALSE(router(spec).groups);
  for (auto& tensor : draft.tensors)
    for (const auto& [file, converted] : {std::pair{".mlp.router.gate.", ".mlp.gate."}, {".mlp.expert_bias", ".mlp.e_score_correction_bias"}, {".mlp.shared_mlp.", ".mlp.shared_experts."}})
      if (const auto at = tensor.name.find(file); at != tensor.name.npos) tensor.name.replace(at, std::string(file).size(), converted);
  const auto converted = draft.register_it();
  CHECK(router(converted).correction == TensorRef{"model.layers.1.mlp.e_score_correction_bias", {}});
  CHECK(converted->parameters == spec->parameters);
  draft = Draft("hunyuan/hy-v3");
  for (const auto* key : {"mlp_layer_types", "router_scaling_factor", "num_shared_experts", "attention_bias", "mlp_bias", "rms_norm_eps", "rope_parameters", "enable_moe_fp32_combine"}) draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);
}
