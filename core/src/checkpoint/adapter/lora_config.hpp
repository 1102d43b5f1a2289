// What adapter_config.json says of a LoRA's numbers, as PEFT reads it (peft/tuners/lora/config.py, LoraConfig).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "module_pattern.hpp"

namespace garage {

struct LoraConfig {
  std::string base;  // what it was trained on: base_model_name_or_path; empty where it is not said
  std::int64_t rank = 8;
  double alpha = 8;
  ModulePatterns ranks, alphas;      // of modules that have others
  bool is_rank_stabilised = false;   // use_rslora
  bool is_dora = false;              // use_dora
  bool keeps_ties = false;           // ensure_weight_tying: what replaces an embedding replaces the head tied to it
  bool is_fan_in_fan_out = false;    // weights are [in, out]; PEFT goes by what a module is and not by this
  std::vector<std::string> targets;  // target_modules, where it is a list
  std::vector<std::string> saved;    // modules_to_save

  std::int64_t rank_of(std::string_view module) const;
  // What B A is multiplied by: alpha / rank, or alpha / sqrt(rank) (https://arxiv.org/abs/2312.03732).
  double scale_of(std::string_view module) const;
};

// subject opens every message: the file.
// Throws kCorrupt (no JSON object, a value of the wrong type) and kUnsupported: no LoRA, or one whose numbers are not
// base + scale * (B A) or DoRA's. It names the key.
LoraConfig read_lora_config(std::string_view text, const std::string& subject);

}  // namespace garage
