#include "sample_model.hpp"

#include <cctype>

namespace garage::cli {
namespace {

// "olmo-2" makes Olmo2ForCausalLM.
std::string class_of(const std::string& family) {
  std::string stem;
  bool upper = true;
  for (const char c : family) {
    const bool is_word = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (is_word) stem += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = !is_word;
  }
  return stem + "ForCausalLM";
}

}  // namespace

Model sample_model(const std::string& family) {
  constexpr std::int64_t kHidden = 64, kInner = 128, kVocab = 128;
  std::vector<TensorInfo> tensors;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
    tensors.push_back({name + ".weight", DType::kF32, std::move(shape)});
  };
  add("model.embed_tokens", {kVocab, kHidden});
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    for (const auto* projection : {"q_proj", "k_proj", "v_proj", "o_proj"})
      add(layer + "self_attn." + projection, {kHidden, kHidden});
    for (const auto* projection : {"gate_proj", "up_proj"}) add(layer + "mlp." + projection, {kInner, kHidden});
    add(layer + "mlp.down_proj", {kHidden, kInner});
    for (const auto* norm : {"input_layernorm", "post_attention_layernorm"}) add(layer + norm, {kHidden});
  }
  add("model.norm", {kHidden});
  add("lm_head", {kVocab, kHidden});
  return Model(std::move(tensors), {{"model_type", family},
                                    {"architectures", boost::json::array{class_of(family)}},
                                    {"hidden_size", kHidden},
                                    {"num_hidden_layers", 2},
                                    {"num_attention_heads", 4},
                                    {"num_key_value_heads", 4},
                                    {"intermediate_size", kInner},
                                    {"vocab_size", kVocab},
                                    {"max_position_embeddings", 256},
                                    {"hidden_act", "silu"},
                                    {"rope_theta", 10000.0},
                                    {"rms_norm_eps", 1e-6}});
}

}  // namespace garage::cli
