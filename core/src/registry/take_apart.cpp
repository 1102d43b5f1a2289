#include "take_apart.hpp"

#include <string>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../spec/account_consistent.hpp"

namespace garage {

ModelSpec take_apart(const PluginHost& plugins, const Model& model, std::string_view id, std::string_view plugin) {
  const auto choice = plugins.choose(model, id, plugin);
  ModelSpec spec;
  try {
    spec = choice.decomposer->decompose(model);
    account_consistent(spec, model);  // a plugin's was read, whatever wrote it
  } catch (const Error& error) {
    const auto& path = model.source.path;
    throw Error(error.code(), fmt::format("{}: {}", path.empty() ? std::string(id) : path.string(), error.what()));
  }
  if (spec.family != choice.claim.family)
    throw Error(Errc::kInternal, fmt::format("plugin '{}' claimed family '{}' and decomposed '{}'", choice.plugin.name,
                                             choice.claim.family, spec.family));
  spec.model_id = id;
  spec.source = model.source;
  spec.notes.insert(spec.notes.begin(), model.notes.begin(), model.notes.end());
  spec.decomposer = {choice.plugin.name, choice.plugin.version};
  return spec;
}

}  // namespace garage
