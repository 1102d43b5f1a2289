// Writing a file so that nobody ever sees half of it.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace garage {

// Writes the pieces, one after another, beside the file, flushes to the disk, then renames over it. Throws kIo; the
// file is then as it was.
void write_durably(const std::filesystem::path& file, const std::vector<std::string_view>& pieces);

}  // namespace garage
