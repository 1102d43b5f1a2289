#include "session.hpp"

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

}  // namespace garage::cli
