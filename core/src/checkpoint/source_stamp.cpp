#include "source_stamp.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <dirent.h>

#include <fmt/format.h>
#include <xxhash.h>

#include <garage/file_stamp.hpp>

#include "../bytes/settled.hpp"
#include "checkpoint_files.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

// By readdir: std::filesystem's iterators ask the system twice as often, which is what a batch without news does most.
std::vector<fs::path> files_of(const fs::path& checkpoint) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(checkpoint.c_str()), &::closedir);
  if (!folder) return {checkpoint, checkpoint.parent_path() / kConfigName};
  std::vector<fs::path> files;
  while (const auto* entry = ::readdir(folder.get()))
    if (may_be_of_checkpoint(entry->d_name)) files.push_back(checkpoint / entry->d_name);
  std::sort(files.begin(), files.end());
  return files;
}

SourceStamp stamp_over(const fs::path& checkpoint, std::vector<fs::path> files) {
  SourceStamp seen{{}, true, std::move(files)};
  const auto now = now_ns();
  std::string text = checkpoint.string();
  bool is_there = false;
  for (const auto& file : seen.files) {
    const auto stamp = stamp_of(file);
    if (!stamp) continue;
    is_there = true;
    seen.is_settled = seen.is_settled && is_settled(*stamp, now);
    text += fmt::format("\n{} {}", file.string(), version_text(*stamp));
  }
  if (is_there) seen.text = fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
  return seen;
}

}  // namespace

SourceStamp source_stamp(const fs::path& checkpoint) { return stamp_over(checkpoint, files_of(checkpoint)); }

bool is_as_it_was(const fs::path& checkpoint, const SourceStamp& seen) {
  return stamp_over(checkpoint, seen.files).text == seen.text;
}

}  // namespace garage
