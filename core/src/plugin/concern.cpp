#include "concern.hpp"

#include <algorithm>

namespace garage {
namespace {

std::string_view model_type_of(const boost::json::object& config) {
  const auto* type = config.if_contains("model_type");
  if (!type || !type->is_string()) return {};
  return {type->get_string().data(), type->get_string().size()};
}

}  // namespace

bool may_concern(const PluginInfo& plugin, const Model& model) {
  const auto& config = model.config();
  if (plugin.model_types.empty() || model_type_of(config).empty()) return true;
  const auto takes = [&](const boost::json::object& object) {
    const auto& types = plugin.model_types;
    return std::find(types.begin(), types.end(), model_type_of(object)) != types.end();
  };
  // "text_config", "vision_config", whatever they are called.
  return takes(config) || std::any_of(config.begin(), config.end(), [&](const auto& member) {
           return member.value().is_object() && takes(member.value().get_object());
         });
}

}  // namespace garage
