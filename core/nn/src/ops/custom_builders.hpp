// Parts that a plugin's own code builds: its nn library is opened when the first of them is made.
#pragma once

#include <memory>
#include <string>

#include <garage/nn/part_module.hpp>
#include <garage/plugin_host.hpp>
#include <garage/spec.hpp>

namespace garage::nn {

class TensorStore;

// Throws kUnsupported (the plugin is not loaded, or builds no such part), kIncompatible (its library is for another
// LibTorch), and what the builder throws.
std::shared_ptr<PartModule> build_custom(const PluginHost* plugins, const ModelSpec& spec, const std::string& name,
                                         const PartSpec& part, const Custom& custom, const TensorStore& store);

}  // namespace garage::nn
