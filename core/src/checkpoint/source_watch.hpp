// Whether a checkpoint stays as it is while its weights are read.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <garage/checkpoint.hpp>
#include <garage/file_stamp.hpp>

namespace garage {

class SourceWatch {
 public:
  explicit SourceWatch(const LocatedModel& source);  // which outlives it

  // Throws kCorrupt when a weight file is another one than at the beginning. what was being done: "converted".
  void require_unchanged(std::string_view what) const;

 private:
  std::vector<std::optional<FileStamp>> stamps() const;

  const LocatedModel& source_;
  std::vector<std::optional<FileStamp>> before_;
};

}  // namespace garage
