// Where parts run: the config's `devices`, by model and part, and what the caller says instead.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <garage/config.hpp>
#include <garage/nn/get_module.hpp>
#include <garage/spec.hpp>

namespace garage::nn {

struct Placement {
  torch::Device device = torch::kCPU;
  std::optional<torch::ScalarType> dtype;  // nothing: as the file stores it
  bool keep_packed = false;                // encoded weights are decoded whenever they are used
  bool stays = true;                       // false: a stack lets go of the part once it has run
};

// Of one model's parts. The caller's word comes first; then the first rule that matches the part's own name and says
// a device; then the rules for the block and the layer that the part is in; then the settings' default. Likewise the
// dtype.
class Placements {
 public:
  // Settings that say nothing: the CPU, as stored.
  explicit Placements(ModuleOptions overrides) : Placements(std::move(overrides), {"cpu", "keep", {}}, "") {}
  Placements(ModuleOptions overrides, DeviceSettings settings, std::string model)
      : overrides_(std::move(overrides)), settings_(std::move(settings)), model_(std::move(model)) {}

  // Throws kInvalidArgument for a device or dtype that is none, kUnsupported for a device that is not there.
  Placement of(const std::string& name, const PartSpec& part) const;

 private:
  ModuleOptions overrides_;
  DeviceSettings settings_;
  std::string model_;
};

// As written: "cpu", "cuda:1", "auto". Throws kUnsupported when this machine or this LibTorch has no such device.
torch::Device device_named(const std::string& name);

// "float32", ...; nothing for "keep". Throws kInvalidArgument.
std::optional<torch::ScalarType> dtype_named(const std::string& name);

// * stands for any characters, {0..15} for a number from 0 to 15.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace garage::nn
