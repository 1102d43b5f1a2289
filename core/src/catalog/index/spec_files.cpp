#include "spec_files.hpp"

#include <optional>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include <garage/durable_file.hpp>
#include <garage/error.hpp>

#include "../../process/in_parallel.hpp"

namespace garage {

namespace fs = std::filesystem;
namespace {

// A link that leads nowhere is there, and nothing can be said of it.
std::optional<FileStamp> stamp_of_entry(const fs::path& file) {
  if (auto stamp = stamp_of(file)) return stamp;
  std::error_code code;
  const bool is_gone = fs::symlink_status(file, code).type() == fs::file_type::not_found;
  return is_gone ? std::nullopt : std::optional<FileStamp>(FileStamp{});
}

}  // namespace

SpecFiles spec_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    const auto& file = entry->path();
    if (is_being_written(file.filename().native())) remove_if_abandoned(file);
    if (file.extension() == ".json" && file.filename().native().front() != '.') files.push_back(file);
  }
  if (code && code != std::errc::no_such_file_or_directory)
    throw Error(Errc::kIo, fmt::format("{}: the catalog cannot be read: {}", folder.string(), code.message()));
  std::vector<std::optional<FileStamp>> stamps(files.size());
  in_parallel(files.size(), 512, [&](std::size_t i) { stamps[i] = stamp_of_entry(files[i]); });
  SpecFiles found;
  found.reserve(files.size());
  for (std::size_t i = 0; i < files.size(); ++i)
    if (stamps[i]) found.emplace(files[i].filename().string(), *stamps[i]);  // else: just removed
  return found;
}

}  // namespace garage
