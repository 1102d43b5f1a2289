// Parts that a plugin's own code builds: its nn library is opened when the first of them is made.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <garage/nn/part_module.hpp>
#include <garage/plugin_host.hpp>
#include <garage/spec.hpp>

namespace garage::nn {

class TensorStore;

// Throws kUnsupported (the plugin is not loaded, or builds no such part), kIncompatible (its library is for another
// LibTorch), and what the builder throws.
std::shared_ptr<PartModule> build_custom(const PluginHost* plugins, const ModelSpec& spec, const std::string& name,
                                         const PartSpec& part, const Custom& custom, const TensorStore& store);

// What the plugin's nn library, which is opened, has builders for; nothing where it brings none. Throws as nn_library
// and, for a library of another LibTorch, kIncompatible.
std::optional<std::vector<std::string>> builder_names(const PluginHost& plugins, const std::string& plugin);

}  // namespace garage::nn
