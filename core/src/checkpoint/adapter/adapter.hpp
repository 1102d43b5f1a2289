// Adapter: a folder of PEFT's with a LoRA, headers alone: adapter_config.json, and adapter_model.safetensors or
// adapter_model.bin, in this order.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <garage/model.hpp>

#include "../contents.hpp"
#include "lora_config.hpp"

namespace garage {

// The tensors that belong to one module. Null: it has none of that kind.
struct LoraModule {
  const Contents::Tensor *a = nullptr, *b = nullptr;
  const Contents::Tensor* bias = nullptr;       // of B
  const Contents::Tensor* magnitude = nullptr;  // DoRA
  bool is_embedding = false;
};

struct Adapter {
  std::filesystem::path folder;  // absolute
  double weight = 1;
  std::string config_text;
  LoraConfig config;
  std::filesystem::path weights;                           // the file
  Contents contents;                                       // of that file: its tensors, extents, fingerprint
  std::vector<std::filesystem::path> files;                // that it is made of, or would be if they were there
  std::map<std::string, LoraModule, std::less<>> modules;  // by name, as the adapter spells it
  std::map<std::string, const Contents::Tensor*, std::less<>> whole;  // that stand in the place of the model's

  Adapter() = default;
  Adapter(const Adapter&) = delete;  // modules and whole point into contents
  Adapter(Adapter&&) = default;
  Adapter& operator=(Adapter&&) = default;

  // What messages open with.
  std::string subject() const { return weights.string(); }
};

// Ensures  Each module has A and B, whose ranks are that of the config; with DoRA a magnitude, else none.
// Throws   kNotFound (no such folder, no config or no weights in it), kIo, kCorrupt, kUnsupported, kInvalidArgument
// (its
//          weight is not finite).
Adapter read_adapter(const AdapterUse& use);

}  // namespace garage
