// Where parts run: the config's `devices`, by model and part.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <garage/config.hpp>
#include <garage/nn/get_module.hpp>

namespace garage::nn {

// The first rule whose patterns match and that says a device decides it, likewise the dtype; what no rule says, the
// settings' defaults do. Throws kInvalidArgument for a pattern that is none, kUnsupported for a device that is not
// there.
ModuleOptions choose_device(const DeviceSettings& settings, const std::string& model, const std::string& part);

// As written: "cpu", "cuda:1", "auto". Throws kUnsupported when this machine or this LibTorch has no such device.
torch::Device device_named(const std::string& name);

// "float32", ...; nothing for "keep". Throws kInvalidArgument.
std::optional<torch::ScalarType> dtype_named(const std::string& name);

// * stands for any characters, {0..15} for a number from 0 to 15.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace garage::nn
