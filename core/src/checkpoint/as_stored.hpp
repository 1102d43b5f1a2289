// A checkpoint as its files have it: quantised weights under the names and in the shapes of what is packed.
#pragma once

#include <filesystem>

#include <garage/checkpoint.hpp>

namespace garage {

// As locate_checkpoint, but that nothing is made of what a quantiser stores. Adapters are not laid over it.
LocatedModel locate_as_stored(const std::filesystem::path& path, const OpenOptions& options);

}  // namespace garage
