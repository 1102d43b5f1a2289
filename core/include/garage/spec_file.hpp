// Specs as files.
#pragma once

#include <filesystem>

#include <garage/export.hpp>
#include <garage/spec.hpp>

namespace garage {

// Throws kNotFound, kIo, and as read_spec.
GARAGE_API ModelSpec read_spec_file(const std::filesystem::path& file);

// Beside the file first, flushed, then renamed over it. Throws kIo.
GARAGE_API void write_spec_file(const std::filesystem::path& file, const ModelSpec& spec);

}  // namespace garage
