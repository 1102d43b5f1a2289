#include "allowed_files.hpp"

#include <cstdint>

#include <fmt/format.h>

#include <garage/durable_file.hpp>
#include <garage/error.hpp>
#include <garage/json.hpp>
#include <garage/json_writer.hpp>

#include "../bytes/read_file.hpp"
#include "../bytes/trusted_file.hpp"

namespace garage {
namespace {

constexpr std::uint64_t kMaxAllowedFile = 16'000'000;  // bytes

}  // namespace

AllowedFiles read_allowed_files(const std::filesystem::path& file) {
  if (!is_there(file)) return {};
  try {
    const auto opened = open_trusted(file);
    if (opened->size() > kMaxAllowedFile)
      throw Error(Errc::kCorrupt, fmt::format("has {} bytes, at most {} are read", opened->size(), kMaxAllowedFile));
    AllowedFiles allowed;
    const auto document = parse_json(opened->read(0, opened->size()), "its text");
    for (const auto& [folder, files] : document.as_object()) {
      auto& of_folder = allowed[std::string(folder)];
      for (const auto& [name, sha256] : files.as_object()) of_folder[std::string(name)] = sha256.as_string().c_str();
    }
    return allowed;
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", file.string(), error.what()));
  } catch (const std::exception&) {
    throw Error(Errc::kCorrupt, fmt::format("{}: should be folders with files and their sha256", file.string()));
  }
}

void write_allowed_files(const std::filesystem::path& file, const AllowedFiles& allowed) {
  JsonWriter out(1);
  write_json(out, allowed);
  const auto text = out.take() + "\n";
  std::error_code code;
  std::filesystem::create_directories(file.parent_path(), code);  // writing tells of what went wrong
  write_durably(file, {text});
}

}  // namespace garage
