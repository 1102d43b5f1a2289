// Tensors outside of the layers that hold a share of each layer's, one after another (Gemma 3n's per-layer embeddings).
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include <garage/plugin_host.hpp>

#include "merge_source.hpp"

namespace garage {

// By name, in which dimension the shares lie. It is asked of the plugin: what it wants to be larger for one more layer.
std::map<std::string, std::size_t> layer_slabs(const PluginHost& plugins, const MergeSource& base);

}  // namespace garage
