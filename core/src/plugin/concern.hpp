// Whom a model may concern: so that a model is not shown to each of a hundred plugins.
#pragma once

#include <garage/decomposer.hpp>

namespace garage {

// False only where the plugin's answer could only be 0: it says which model_types it takes (decomposer.hpp), and the
// config has a model_type, and none that the config has, at its top or nested in it, is one of them. A model without a
// config, or whose config has no model_type, may be anybody's: by its architectures, by its tensors.
bool may_concern(const PluginInfo& plugin, const Model& model);

}  // namespace garage
