#include "partial_folder.hpp"

#include <cstdint>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include <garage/durable_file.hpp>
#include <garage/error.hpp>

#include "../../bytes/read_file.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIdentityName = ".plan";
constexpr const char* kLockName = ".lock";
constexpr std::uint64_t kLongestIdentity = 1 << 10;  // bytes

[[noreturn]] void refuse(const fs::path& folder, const char* fault) {
  throw Error(Errc::kInvalidArgument, fmt::format("{}: {}", folder.string(), fault));
}

bool is_empty_or_missing(const fs::path& folder) {
  std::error_code code;
  return !fs::exists(fs::symlink_status(folder, code)) ||
         (fs::is_directory(folder, code) && fs::is_empty(folder, code));
}

// Whether nothing was written that a merge could go on with. The lock and unfinished files have hidden names.
bool has_nothing(const fs::path& folder) {
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code))
    if (entry.path().filename().native().front() != '.') return false;
  return !fs::exists(folder / kIdentityName, code);
}

// Of writers that were killed: whoever holds the lock is the only one that writes here.
void remove_unfinished_files(const fs::path& folder) {
  std::vector<fs::path> unfinished;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code))
    if (is_being_written(entry.path().filename().native())) unfinished.push_back(entry.path());
  for (const auto& file : unfinished) fs::remove(file, code);
}

}  // namespace

PartialFolder::PartialFolder(const fs::path& folder, const std::string& identity, bool resume)
    : target_(folder), path_(folder.parent_path() / (folder.filename().string() + ".partial")) {
  if (!is_empty_or_missing(target_)) refuse(target_, "is there already: name a new folder");
  std::error_code code;
  fs::create_directories(path_, code);
  if (code) throw Error(Errc::kIo, fmt::format("{}: cannot be made: {}", path_.string(), code.message()));
  lock_.emplace(path_ / kLockName);
  if (!lock_->is_held()) refuse(path_, "another process is writing there");
  if (!has_nothing(path_)) require_mine(identity, resume);
  remove_unfinished_files(path_);
  write_durably(path_ / kIdentityName, {identity});
}

void PartialFolder::require_mine(const std::string& identity, bool resume) const {
  const auto begun = text_if_there(path_ / kIdentityName, kLongestIdentity);
  if (!resume) refuse(path_, "a merge was broken off there: go on with it by --resume, or remove it");
  if (!begun || *begun != identity)
    refuse(
        path_,
        "another merge was broken off there (its recipe, a model, a plugin or the size of files differs): remove it");
}

// What says which merge it is goes last: without it nobody could go on.
void PartialFolder::rename_into_place() {
  std::error_code code;
  flush_folder(path_);
  fs::rename(path_, target_, code);
  if (code) throw Error(Errc::kIo, fmt::format("{}: cannot be put in place: {}", target_.string(), code.message()));
  fs::remove(target_ / kLockName, code);
  fs::remove(target_ / kIdentityName, code);
  flush_folder(target_);
  flush_folder(target_.has_parent_path() ? target_.parent_path() : ".");
}

}  // namespace garage
