// RFC 8089, section 2: file-URI = "file:" "//" [ host ] path-absolute; RFC 3986, 2.1 and 2.3: all bytes but letters,
// digits, - . _ ~ (and the / between segments) as % and two digits of hex.
#include <garage/path_text.hpp>

#include <charconv>
#include <system_error>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "utf8.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kScheme = "file://";
constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

std::string encoded(std::string_view path) {
  std::string text;
  for (const char c : path)
    if (c == '/' || kUnreserved.find(c) != kUnreserved.npos) text += c;
    else text += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return text;
}

[[noreturn]] void refuse(std::string_view text, std::string_view fault) {
  throw Error(Errc::kInvalidArgument, fmt::format("is '{}', {}", utf8_label(text), fault));
}

std::string decoded(std::string_view uri) {
  const auto path = uri.substr(kScheme.size());
  if (!path.starts_with('/'))
    refuse(uri, "which names a host or a relative path: a file here is file:///<its absolute path>");
  std::string bytes;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '?' || path[i] == '#')
      refuse(uri, "whose ? or # is no part of a path: in a file URI they are %3F and %23");
    if (path[i] != '%') {
      bytes += path[i];
      continue;
    }
    unsigned char byte = 0;
    const auto digits = path.substr(i + 1, 2);
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() < 2 || code != std::errc() || end != digits.data() + 2)
      refuse(uri, "where a % has no two digits of hex after it: a % itself is %25");
    bytes += static_cast<char>(byte);
    i += 2;
  }
  return bytes;
}

}  // namespace

std::string path_text(const fs::path& path) {
  if (is_utf8(path.native()) && !is_file_uri(path.native())) return path.native();
  std::error_code code;
  const auto whole = fs::absolute(path, code);
  // Without a working folder a relative path names nothing that could be read back.
  return code ? path.native() : std::string(kScheme) + encoded(whole.native());
}

bool is_file_uri(std::string_view text) noexcept { return text.starts_with(kScheme); }

fs::path path_from_text(std::string_view text) {
  auto path = is_file_uri(text) ? decoded(text) : std::string(text);
  if (path.find('\0') != path.npos) throw Error(Errc::kInvalidArgument, "has a NUL byte, which no path has");
  return path;
}

}  // namespace garage
