// Phi-2 in the names of its first code.
#include <catch2/catch_test_macros.hpp>

#include "layouts.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("layouts: Phi-2 in the names of its first code is the same model", "[plugins][layouts][phi]") {
  // facts: mergekit's phi2-old.json, llama.cpp's Phi2Model.
  Draft draft("phi-2");
  rename(draft, "^model\\.embed_tokens", "transformer.embd.wte");
  rename(draft, "^model\\.final_layernorm", "lm_head.ln");
  rename(draft, "^lm_head\\.(weight|bias)$", "lm_head.linear.$1");
  rename(draft, "^model\\.layers\\.(\\d+)\\.input_layernorm", "transformer.h.$1.ln");
  rename(draft, "^model\\.layers\\.(\\d+)\\.self_attn\\.dense", "transformer.h.$1.mixer.out_proj");
  rename(draft, "^model\\.layers\\.(\\d+)\\.mlp", "transformer.h.$1.mlp");
  std::erase_if(draft.tensors, [](const TensorInfo& tensor) { return tensor.name.find("self_attn") != std::string::npos; });
  for (int i = 0; i < 3; ++i) {
    draft.tensors.push_back({"transformer.h." + std::to_string(i) + ".mixer.Wqkv.weight", DType::kF32, {96, 32}});
    draft.tensors.push_back({"transformer.h." + std::to_string(i) + ".mixer.Wqkv.bias", DType::kF32, {96}});
  }
  draft.config = boost::json::parse(R"({"model_type": "phi-msft", "architectures": ["PhiForCausalLM"], "n_embd": 32, "n_head": 4,
    "n_layer": 3, "n_inner": 56, "n_positions": 256, "rotary_dim": 4, "vocab_size": 96, "pad_vocab_size_multiple": 32,
    "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05})").get_object();
  const auto old = draft.register_it(), now = registered("phi-2");
  CHECK(old->parameters == now->parameters);
  CHECK(steps(*old) == steps(*now));
  CHECK(old->family == "phi");
  for (const auto* part : {"attention_1", "ffn_1", "final_layernorm", "output_head", "embedding"}) {
    auto a = *old->parts.find(part), b = *now->parts.find(part);
    a.module_path = b.module_path;
    for (auto* each : {&a, &b})
      for (const auto& role : tensor_roles(*each)) const_cast<TensorRef&>(*role.ref) = {};
    CHECK(a == b);
  }
  CHECK(old->parts.find("ln_1")->layer_idx == 1);
  draft.config.erase("model_type");
  CHECK(draft.register_it()->parts == old->parts);
}
