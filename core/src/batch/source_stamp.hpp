// Which version of a checkpoint's files is there, as far as sizes and times tell.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace garage {

// Over the path, size and time of every file that open_checkpoint may read: of a folder its safetensors files, index
// and config; of a file that and the config beside it. Nothing when it is not there, or changed so lately that it might
// change again without showing it.
std::optional<std::string> source_stamp(const std::filesystem::path& checkpoint);

// The same whether or not it changed lately: two of them tell whether something changed in between. Empty when it is
// not there.
std::string source_stamp_now(const std::filesystem::path& checkpoint);

}  // namespace garage
