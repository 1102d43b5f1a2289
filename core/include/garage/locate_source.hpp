// The checkpoint that a registered model's spec was made from, opened again.
#pragma once

#include <filesystem>
#include <vector>

#include <garage/checkpoint.hpp>
#include <garage/export.hpp>
#include <garage/spec.hpp>

namespace garage {

// With the variant and the adapters that it was registered with. tables: OpenOptions::tables.
// Throws kCorrupt when it is no longer what it was, kUnsupported when the spec was made from no files; as
// open_checkpoint.
GARAGE_API LocatedModel locate_source(const ModelSpec& spec, const std::vector<std::filesystem::path>& tables);

}  // namespace garage
