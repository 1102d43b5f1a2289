#include "source_stamp.hpp"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include <dirent.h>

#include <fmt/format.h>
#include <xxhash.h>

#include <garage/file_stamp.hpp>

#include "../bytes/settled.hpp"
#include "checkpoint_files.hpp"
#include "format.hpp"
#include "sentence_modules.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

// By readdir: std::filesystem's iterators ask the system twice as often, which is what a batch without news does most.
std::vector<fs::path> files_of(const fs::path& checkpoint) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(checkpoint.c_str()), &::closedir);
  std::vector<fs::path> files;
  if (!folder) {
    for (const auto* format : formats())
      if (format->may_be_mine(checkpoint.filename().string())) {
        files = format->files_of(checkpoint);
        break;
      }
    if (files.empty()) files.push_back(checkpoint);
    files.push_back(checkpoint.parent_path() / kConfigName);
    return files;
  }
  bool has_modules = false;
  while (const auto* entry = ::readdir(folder.get())) {
    if (may_be_of_checkpoint(entry->d_name)) files.push_back(checkpoint / entry->d_name);
    has_modules = has_modules || std::string_view(entry->d_name) == kModulesName;
  }
  if (has_modules)
    for (auto& file : sentence_files(checkpoint)) files.push_back(std::move(file));
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

SourceStamp source_stamp(const fs::path& checkpoint, const std::vector<AdapterUse>& adapters) {
  auto files = files_of(checkpoint);
  for (const auto& adapter : adapters)
    for (auto& file : files_of(adapter.path)) files.push_back(std::move(file));
  return stamp_over(checkpoint, std::move(files));
}

bool is_as_it_was(const fs::path& checkpoint, const SourceStamp& seen) {
  return stamp_over(checkpoint, seen.files).text == seen.text;
}

}  // namespace garage
