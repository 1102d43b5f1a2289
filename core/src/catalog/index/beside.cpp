#include "beside.hpp"

#include <sys/stat.h>

#include "page_sums.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

// A link to a folder is one: somebody wants the index to lie elsewhere.
bool clear_folder(const fs::path& folder) {
  std::error_code code;
  const auto type = fs::status(folder, code).type();
  const bool leads_nowhere = type == fs::file_type::not_found || code == std::errc::too_many_symbolic_link_levels;
  if (type == fs::file_type::directory || (type == fs::file_type::none && !leads_nowhere)) return false;
  return fs::remove(folder, code);
}

bool clear_file(const fs::path& file) {
  struct stat status {};
  std::error_code code;
  return ::lstat(file.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && fs::remove_all(file, code) > 0 && !code;
}

}  // namespace

fs::path path_beside(const fs::path& catalog, const char* name) { return catalog / ".index" / name; }

bool clear_beside(const fs::path& catalog, const char* name) {
  const auto file = path_beside(catalog, name);
  const auto with = [&](const char* ending) { return fs::path(file.native() + ending); };
  std::error_code code;
  bool cleared = clear_folder(file.parent_path());
  cleared |= clear_file(file);
  cleared |= clear_file(with("-journal"));
  for (const auto& sums : PageSums::files_of(file)) cleared |= clear_file(sums);
  cleared |= fs::remove_all(with("-wal"), code) > 0 && !code;
  return cleared;
}

fs::path make_beside(const fs::path& catalog, const char* name) {
  clear_beside(catalog, name);
  const auto file = path_beside(catalog, name);
  std::error_code code;
  const auto rights = fs::status(catalog, code).permissions();
  if (!code && fs::create_directory(file.parent_path(), code)) fs::permissions(file.parent_path(), rights, code);
  // Made without being opened: to close it would give up the locks that a thread beside us has on it already.
  const auto mode = static_cast<mode_t>(rights) & 0666;
  if (::mknod(file.c_str(), S_IFREG | mode, 0) == 0) ::chmod(file.c_str(), mode);
  return file;
}

}  // namespace garage
