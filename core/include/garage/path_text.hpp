// Paths in documents. A path is bytes, a document is UTF-8: in JSON and in YAML
//
//   a path that is UTF-8    stands as it is
//   any other               stands as its file URI (RFC 8089), absolute: file:///models/caf%E9
//
// so that each reads back as the same path. What begins with file:// is always such a URI.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <garage/export.hpp>

namespace garage {

GARAGE_API std::string path_text(const std::filesystem::path& path);

GARAGE_API bool is_file_uri(std::string_view text) noexcept;

// Throws kInvalidArgument for a URI with a host, a relative one or one that is not well formed, and for a NUL byte. Its
// message is what comes after a subject: "is 'file://host/x', ...".
GARAGE_API std::filesystem::path path_from_text(std::string_view text);

}  // namespace garage
