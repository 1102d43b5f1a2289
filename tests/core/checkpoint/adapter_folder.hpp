// Adapters and bases by hand: headers alone, whose data is a hole.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <garage/checkpoint.hpp>

#include "checkpoint_files.hpp"
#include "run_program.hpp"
#include "temporary_folder.hpp"

namespace garage::test {

inline LocatedModel located(const std::filesystem::path& base, std::vector<AdapterUse> uses) {
  OpenOptions options;
  options.adapters = std::move(uses);
  return locate_checkpoint(base, options);
}

using Tensors = std::vector<TensorInfo>;

inline constexpr const char* kBaseConfig = R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 50, "tie_word_embeddings": false})";

inline const Tensors kBase = {
    {"model.embed_tokens.weight", DType::kF32, {50, 8}},    {"model.layers.0.q_proj.weight", DType::kF32, {12, 8}},
    {"model.layers.0.q_proj.bias", DType::kF32, {12}},      {"model.layers.0.o_proj.weight", DType::kBF16, {8, 8}},
    {"model.layers.0.conv.weight", DType::kF32, {8, 1, 4}}, {"model.layers.0.wide.weight", DType::kF64, {12, 8}},
    {"model.norm.weight", DType::kF32, {8}},                {"lm_head.weight", DType::kF32, {50, 8}}};

inline std::string config(std::string_view more) { return fmt::format(R"({{"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": "org/base"{}{}}})", more.empty() ? "" : ", ", more); }

inline Tensors factors(const std::string& module, std::int64_t out, std::int64_t in, std::int64_t rank = 2) {
  return {{"base_model.model." + module + ".lora_A.weight", DType::kF32, {rank, in}}, {"base_model.model." + module + ".lora_B.weight", DType::kF32, {out, rank}}};
}
inline const Tensors kQuery = factors("model.layers.0.q_proj", 12, 8);
inline Tensors operator+(Tensors some, const Tensors& more) {
  some.insert(some.end(), more.begin(), more.end());
  return some;
}
inline TensorInfo whole(const std::string& name, std::vector<std::int64_t> shape, DType dtype = DType::kF32) { return {"base_model.model." + name, dtype, std::move(shape)}; }

struct Places {
  TemporaryFolder folder;
  std::filesystem::path base = folder / "base", adapter = folder / "adapter";

  explicit Places(const Tensors& tensors, std::string_view adapter_config = config(""), std::string_view base_config = kBaseConfig, const Tensors& base_tensors = kBase) {
    write_checkpoint(base, base_config, base_tensors);
    write_text(adapter / "adapter_config.json", adapter_config);
    write_safetensors(adapter / "adapter_model.safetensors", tensors);
  }
  LocatedModel open(double weight = 1) const { return located(base, {{adapter, weight}}); }
};

}  // namespace garage::test
