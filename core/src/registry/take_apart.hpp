// A model taken apart: the plugin that claims it is chosen, asked, and held to its word.
#pragma once

#include <string_view>

#include <garage/model.hpp>
#include <garage/plugin_host.hpp>
#include <garage/spec.hpp>

namespace garage {

// By that plugin's claim where one is named. Every tensor is accounted for; source, notes and decomposer are filled in.
// Throws as ModelRegistry::update_model; the message names the model's path, or the id where it has none.
ModelSpec take_apart(const PluginHost& plugins, const Model& model, std::string_view id, std::string_view plugin = {});

}  // namespace garage
