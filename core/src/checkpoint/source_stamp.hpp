// Which version of a checkpoint's files is there, as far as sizes and times tell.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <garage/model.hpp>

namespace garage {

struct SourceStamp {
  // Over the path, size and time of every file that open_checkpoint may read: of a folder what checkpoint_files.hpp
  // says; of a file what its format says and the config beside it; of an adapter likewise. Empty when there is none.
  std::string text;
  bool is_settled = false;  // false when one changed so lately that it might change again without showing it
  std::vector<std::filesystem::path> files;
};

SourceStamp source_stamp(const std::filesystem::path& checkpoint, const std::vector<AdapterUse>& adapters = {});

// Whether the same files are still there as they were. One that came since is seen by the next source_stamp.
bool is_as_it_was(const std::filesystem::path& checkpoint, const SourceStamp& seen);

}  // namespace garage
