// Parts that stand alone: a folder with part.json (the part and what it is made of, as a spec) and weights.safetensors
// (their tensors, by part and role). They run without catalog, checkpoint or plugin.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <garage/export.hpp>
#include <garage/nn/get_module.hpp>
#include <garage/plugin_host.hpp>

namespace garage::nn {

// Throws as get_module; kIo when the folder cannot be written.
GARAGE_API void extract_part(const ModelRegistry& registry, const std::string& id, const std::string& part,
                             const std::filesystem::path& folder);

// plugins bring the code of a part that only its plugin can build; all others need none.
// Throws kNotFound, kCorrupt, kUnsupported, kIo.
GARAGE_API std::shared_ptr<PartModule> load_extracted(const std::filesystem::path& folder,
                                                      const ModuleOptions& options = {},
                                                      const PluginHost* plugins = nullptr);

}  // namespace garage::nn
