// A model and a fine-tune of it that a test makes, and the LoRA that is extracted of the two.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <garage/checkpoint.hpp>
#include <garage/convert.hpp>
#include <garage/nn/extract_lora.hpp>
#include <garage/nn/get_module.hpp>
#include <garage/safetensors.hpp>

#include "tensor_file.hpp"
#include "test_registry.hpp"

namespace garage::test {

using Tensors = std::map<std::string, torch::Tensor>;
using Change = std::function<void(Tensors&)>;

inline void write_tensors(const std::filesystem::path& file, const Tensors& tensors) {
  std::vector<SafetensorsData> data;
  for (const auto& [name, tensor] : tensors)
    data.push_back({{name, DType::kF32, tensor.sizes().vec()}, tensor.data_ptr()});
  write_safetensors(file, std::move(data), {{"format", "pt"}});
}

// A checkpoint, whatever its form, with some tensors changed: plain ones of float32.
inline void write_changed(const std::filesystem::path& base, const std::filesystem::path& folder, const Change& change) {
  TestRegistry registry;
  registry->register_model("m", open_checkpoint(base));
  ConvertOptions options;
  options.dtype = DType::kF32;
  convert_model(registry.registry, "m", folder, options);
  auto tensors = read_tensors(folder / "model.safetensors");
  change(tensors);
  write_tensors(folder / "model.safetensors", tensors);
}

inline torch::Tensor random(at::IntArrayRef shape, std::uint64_t seed) {
  return torch::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed));
}

inline void change_all(Tensors& tensors) {
  std::uint64_t seed = 1;
  for (auto& [name, tensor] : tensors) tensor.add_(random(tensor.sizes(), seed++), 0.02);
}

// A llama of one layer whose weights are 192 and 320 wide: wide enough that few singular values are iterated for.
inline void write_wide_llama(const std::filesystem::path& folder) {
  const std::int64_t hidden = 192, wide = 320, rows = 64;
  const std::string layer = "model.layers.0.";
  Tensors tensors;
  std::uint64_t seed = 100;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
    tensors[name] = random(shape, seed++) * 0.05;
  };
  for (const auto* name : {"q_proj", "k_proj", "v_proj", "o_proj"})
    add(fmt::format("{}self_attn.{}.weight", layer, name), {hidden, hidden});
  for (const auto* name : {"gate_proj", "up_proj"}) add(fmt::format("{}mlp.{}.weight", layer, name), {wide, hidden});
  add(layer + "mlp.down_proj.weight", {hidden, wide});
  for (const auto* name :
       {"model.layers.0.input_layernorm.weight", "model.layers.0.post_attention_layernorm.weight", "model.norm.weight"})
    add(name, {hidden});
  for (const auto* name : {"model.embed_tokens.weight", "lm_head.weight"}) add(name, {rows, hidden});
  std::filesystem::create_directories(folder);
  write_tensors(folder / "model.safetensors", tensors);
  write_text(
      folder / "config.json",
      R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 192, "intermediate_size": 320,
    "num_attention_heads": 4, "num_key_value_heads": 4, "num_hidden_layers": 1, "vocab_size": 64, "max_position_embeddings": 64,
    "rms_norm_eps": 1e-6, "tie_word_embeddings": false, "hidden_act": "silu"})");
}

struct Models {
  TestRegistry registry;
  std::filesystem::path folder = registry.folder / "adapter";

  Models(const std::filesystem::path& base, const Change& change) : base_(base) {
    write_changed(base, registry.folder / "tuned", change);
    registry->register_model("base", open_checkpoint(base));
    registry->register_model("tuned", open_checkpoint(registry.folder / "tuned"));
  }
  nn::ExtractedLora extract(nn::LoraOptions options) {
    return nn::extract_lora(registry.registry, "base", "tuned", folder, options);
  }
  Tensors adapter() const { return read_tensors(folder / "adapter_model.safetensors"); }
  std::string config() const { return read_text(folder / "adapter_config.json"); }

  void register_adapted() {
    OpenOptions options;
    options.adapters.push_back({folder, 1});
    registry->register_model("adapted", open_checkpoint(base_, options));
  }
  torch::Tensor logits(const std::string& id) {
    const auto ids = torch::arange(2, 14).reshape({2, 6});
    return nn::load_model(registry.registry, id, {torch::kCPU, torch::kFloat32})->forward(ids);
  }

 private:
  std::filesystem::path base_;
};

inline double apart(const torch::Tensor& ours, const torch::Tensor& theirs) {
  return ((ours - theirs).abs().max() / theirs.abs().max()).item<double>();
}
inline double relative_norm(const torch::Tensor& ours, const torch::Tensor& theirs) {
  return ((ours - theirs).norm() / theirs.norm()).item<double>();
}

inline torch::Tensor product(const Tensors& adapter, const std::string& module) {
  return adapter.at("base_model.model." + module + ".lora_B.weight")
      .matmul(adapter.at("base_model.model." + module + ".lora_A.weight"));
}

}  // namespace garage::test
