// Writing a file so that nobody ever sees half of it.
#pragma once

#include <filesystem>
#include <string_view>

namespace garage {

// Writes beside the file, flushes to the disk, then renames over it. Throws kIo; the file is then as it was.
void write_durably(const std::filesystem::path& file, std::string_view bytes);

}  // namespace garage
