// Writing a LoRA as PEFT saves one: a folder that PEFT loads, and that lies over a model as OpenOptions::adapters.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <garage/export.hpp>
#include <garage/safetensors.hpp>

namespace garage {

// What is added to the weight of one linear module: B A.
struct LowRankChange {
  std::string module;  // as transformers names it: "model.layers.0.self_attn.q_proj"
  std::int64_t rank = 0, in = 0, out = 0;
  const float* a = nullptr;  // [rank, in], row-major
  const float* b = nullptr;  // [out, rank], row-major
  bool is_turned = false;    // the model's weight is [in, out], as GPT-2's Conv1D has it
};

struct NewAdapter {
  std::string base, tuned;             // the models' names, for people and for PEFT
  std::string architecture;            // of both, as their configs spell it; decides PEFT's task
  std::vector<LowRankChange> changes;  // one or more: PEFT loads no LoRA without any
  std::vector<SafetensorsData> whole;  // stand in the place of the model's tensors, by the names that those have
  std::vector<std::string> saved;      // modules of which all tensors are among whole
  std::vector<std::string> others;     // the model's other modules: what short names of modules must not mean
  bool is_tied = false;                // one tensor is embedding and head, and whole has what stands for both
};

// Throws kInvalidArgument when the folder holds a model or an adapter.
GARAGE_API void refuse_taken_folder(const std::filesystem::path& folder);

// Writes adapter_model.safetensors, README.md and, last, adapter_config.json into the folder, which is made if it is
// missing; each file is whole or not there. A change's scale is 1: lora_alpha is the rank.
//
// Throws  kInvalidArgument (as refuse_taken_folder; no changes), kUnsupported (weights that lie in both ways, some of
//         them square: a config has one word for all), kIo.
GARAGE_API void write_adapter(const std::filesystem::path& folder, const NewAdapter& adapter);

}  // namespace garage
