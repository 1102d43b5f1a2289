// A file that is written piece by piece, and seen by nobody before it is whole (durable_file.hpp).
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

namespace garage {

// body calls put with the pieces, one after another. Throws kIo, and what body throws: the file is then as it was.
void write_streamed(const std::filesystem::path& file,
                    const std::function<void(const std::function<void(std::string_view)>& put)>& body);

}  // namespace garage
