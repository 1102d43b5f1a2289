// A place where no checkpoint can be opened: what is there instead, and what to do.
#pragma once

#include <filesystem>

namespace garage {

// Of a folder that has no weights under the names that count. Throws kUnsupported for weights in a form that is not
// read, kNotFound where there are none and for a link that leads nowhere.
[[noreturn]] void refuse_without_weights(const std::filesystem::path& folder);

// Of a single file that was given in place of its folder: an index, a config, one shard of several, an adapter. Throws
// kUnsupported for those, and returns for any other.
void require_whole_model(const std::filesystem::path& file);

}  // namespace garage
