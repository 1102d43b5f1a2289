#include "require.hpp"

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nearest.hpp>

namespace garage::cli {

SpecPtr require_spec(const Session& session, const std::string& id) {
  if (auto spec = session.registry.get_spec(id)) return spec;
  const auto meant = did_you_mean(id, session.registry.list_models());
  throw Error(Errc::kNotFound,
              fmt::format("model '{}' is not in the catalog {}{}", id, session.registry.catalog().folder().string(),
                          meant.empty() ? "; `garage list` says what is" : meant));
}

const PartSpec& require_part(const ModelSpec& spec, const std::string& name) {
  if (const auto* part = spec.parts.find(name)) return *part;
  std::vector<std::string> names;
  for (const auto& [known, part] : spec.parts) names.push_back(known);
  const auto meant = did_you_mean(name, names);
  throw Error(Errc::kNotFound,
              fmt::format("'{}' has no part '{}'{}", spec.model_id, name,
                          meant.empty() ? fmt::format("; `garage parts {}` says which", spec.model_id) : meant));
}

}  // namespace garage::cli
