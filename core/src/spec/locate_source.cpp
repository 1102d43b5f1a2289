#include <garage/locate_source.hpp>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {

LocatedModel locate_source(const ModelSpec& spec, const std::vector<std::filesystem::path>& tables) {
  const auto& from = spec.source;
  if (from.path.empty())
    throw Error(Errc::kUnsupported, fmt::format("'{}' was registered from no files, so that there are no weights to "
                                                "read (its source is {})",
                                                spec.model_id, from.kind));
  auto located = locate_checkpoint(from.path, {from.variant, from.adapters, tables});
  // The path may be spelled otherwise now; what counts is what the spec was made from.
  if (const auto& now = located.model.source.fingerprint; now != from.fingerprint)
    throw Error(Errc::kCorrupt, fmt::format("{}: changed since '{}' was registered ({}, now {}); register it again",
                                            from.path.string(), spec.model_id, from.fingerprint, now));
  return located;
}

}  // namespace garage
