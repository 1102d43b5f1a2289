#include "source_stamp.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include <garage/file_stamp.hpp>

#include "../index/spec_files.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

bool is_read(const fs::path& file) {
  return file.extension() == ".safetensors" || file.filename() == "config.json" ||
         file.filename() == "model.safetensors.index.json";
}

std::vector<fs::path> files_of(const fs::path& checkpoint) {
  std::error_code code;
  if (!fs::is_directory(checkpoint, code)) return {checkpoint, checkpoint.parent_path() / "config.json"};
  std::vector<fs::path> files;
  fs::recursive_directory_iterator entry(checkpoint, code), end;
  for (; !code && entry != end; entry.increment(code)) {
    if (entry->path().filename().native().front() == '.') entry.disable_recursion_pending();  // .git
    else if (is_read(entry->path())) files.push_back(entry->path());
  }
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
    text += fmt::format("\n{} {} {}", file.string(), stamp->size, stamp->modified_ns);
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
