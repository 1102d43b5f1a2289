// Writing a file so that nobody ever sees half of it, or what another process writes to it at the same time.
//
// Threads  Reentrant; any number of processes, on any hosts that share the folder, may write one file at once: it then
//          holds what one of them wrote.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include <garage/export.hpp>

namespace garage {

// Writes the pieces, one after another, to a new file beside this one, flushes it to the disk, and renames it over this
// one, whose mode it keeps. A link of that name is replaced, not followed. Throws kIo; the file is then as it was.
GARAGE_API void write_durably(const std::filesystem::path& file, const std::vector<std::string_view>& pieces);

// The same for a file that a user named: a link is followed, and what is no regular file (a pipe, a terminal) is
// written to as it is.
GARAGE_API void write_output(const std::filesystem::path& file, const std::vector<std::string_view>& pieces);

// So that after a power cut what was renamed into the folder is there.
void flush_folder(const std::filesystem::path& folder);

// Removes what writers that were killed left in a folder: their new files, when they were last written an hour ago.
GARAGE_API void remove_abandoned_files(const std::filesystem::path& folder);
// Whether that name is one of a new file.
bool is_being_written(std::string_view name);
// The same for one file, of a name for which is_being_written holds.
void remove_if_abandoned(const std::filesystem::path& file);

}  // namespace garage
