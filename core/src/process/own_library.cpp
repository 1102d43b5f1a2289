#include "own_library.hpp"

#include <dlfcn.h>

namespace garage {

namespace fs = std::filesystem;

fs::path own_library() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&own_library), &info) == 0 || !info.dli_fname) return {};
  std::error_code code;
  const auto library = fs::canonical(info.dli_fname, code);
  return code ? fs::path() : library;
}

fs::path own_program(std::string_view name) {
  const auto program = own_library().parent_path() / "garage" / name;
  std::error_code code;
  return fs::exists(program, code) ? program : fs::path();
}

}  // namespace garage
