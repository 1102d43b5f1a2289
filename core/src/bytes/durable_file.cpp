#include <garage/durable_file.hpp>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "new_file.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::time_t kAbandonedAfter = 3600;  // seconds; what is written takes some, and clocks of hosts differ

[[noreturn]] void fail(const fs::path& file, const char* what, int code) {
  throw Error(Errc::kIo, fmt::format("{}: cannot be {}: {}", file.string(), what, std::strerror(code)));
}

void write_all(int descriptor, std::string_view bytes, const fs::path& file) {
  while (!bytes.empty()) {
    const auto done = ::write(descriptor, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail(file, "written", errno);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
}

// Where a link leads, also to what is not there yet.
fs::path followed(fs::path file) {
  std::error_code code;
  for (int links = 0; links < 40 && fs::is_symlink(fs::symlink_status(file, code)); ++links)
    file = file.parent_path() / fs::read_symlink(file, code);  // an absolute one stands alone
  return file;
}

}  // namespace

void write_durably(const fs::path& file, const std::vector<std::string_view>& pieces) {
  NewFile fresh(file);
  for (const auto piece : pieces) fresh.write(piece);
  fresh.rename_into_place();
}

void write_output(const fs::path& file, const std::vector<std::string_view>& pieces) {
  std::error_code code;
  const auto status = fs::status(file, code);
  if (!fs::exists(status) || fs::is_regular_file(status)) {
    const auto target = followed(file);
    write_durably(target, pieces);
    if (target.has_parent_path()) remove_abandoned_files(target.parent_path());
    return;
  }
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) fail(file, "written", errno);
  const std::unique_ptr<const int, void (*)(const int*)> closed(&descriptor, [](const int* open) { ::close(*open); });
  for (const auto piece : pieces) write_all(descriptor, piece, file);
}

void flush_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

bool is_being_written(std::string_view name) { return is_new_file(name); }

void remove_if_abandoned(const fs::path& file) {
  struct stat status {};
  if (::lstat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
      status.st_mtim.tv_sec < std::time(nullptr) - kAbandonedAfter)
    ::unlink(file.c_str());
}

void remove_abandoned_files(const fs::path& folder) {
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code))
    if (is_being_written(entry->path().filename().native())) remove_if_abandoned(entry->path());
}

}  // namespace garage
