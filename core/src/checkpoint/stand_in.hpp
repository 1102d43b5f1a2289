// What lies in a file's place without being what its name says.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace garage {

// begin: the file's first bytes, some hundred where it has them. file opens the message.
// Throws where they are those of something else: kUnsupported (a Git LFS pointer, another format, a byte-order mark),
// kCorrupt (UTF-16, a page of HTML). It says what it is, and what to do.
void refuse_stand_in(std::string_view begin, std::string_view file);

// Throws kNotFound where path is a link whose target is not there.
void refuse_dangling_link(const std::filesystem::path& path);

inline constexpr std::size_t kStandInBytes = 256;  // enough of a file to tell

}  // namespace garage
