#include "source_watch.hpp"

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {

SourceWatch::SourceWatch(const LocatedModel& source) : source_(source), before_(stamps()) {}

void SourceWatch::require_unchanged(std::string_view what) const {
  if (stamps() != before_)
    throw Error(Errc::kCorrupt, fmt::format("{}: was written to while it was {}: do it again",
                                            source_.model.source.path.string(), what));
}

std::vector<std::optional<FileStamp>> SourceWatch::stamps() const {
  std::vector<std::optional<FileStamp>> stamps;
  for (const auto& file : source_.weight_files) stamps.push_back(stamp_of(file));
  return stamps;
}

}  // namespace garage
