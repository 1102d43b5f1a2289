#include "beside.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace garage {

namespace fs = std::filesystem;

fs::path path_beside(const fs::path& catalog, const char* name) { return catalog / ".index" / name; }

fs::path make_beside(const fs::path& catalog, const char* name) {
  const auto file = path_beside(catalog, name);
  std::error_code code;
  const auto rights = fs::status(catalog, code).permissions();
  if (!code && fs::create_directory(file.parent_path(), code)) fs::permissions(file.parent_path(), rights, code);
  const int made = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (made < 0) return file;
  ::fchmod(made, static_cast<mode_t>(rights) & 0666);
  ::close(made);
  return file;
}

}  // namespace garage
