// What is kept beside the specs of a catalog, in .index/ below it: it is made from them and may be deleted at any time.
#pragma once

#include <filesystem>

namespace garage {

std::filesystem::path path_beside(const std::filesystem::path& catalog, const char* name);

// Makes the folder and an empty file where they are missing, for whoever may write the catalog; clears the way first.
// What cannot be made is left: to open it fails.
std::filesystem::path make_beside(const std::filesystem::path& catalog, const char* name);

// Removes what stands in the way of the folder, and of a database of this name and the files that belong to it:
// folders, links, pipes, and the log of a program that kept it in another way. Whether there was something.
bool clear_beside(const std::filesystem::path& catalog, const char* name);

}  // namespace garage
