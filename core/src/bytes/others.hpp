// Who else may change a file.
#pragma once

#include <sys/stat.h>

namespace garage {

// Neither the user's nor root's.
bool is_somebody_elses(const struct stat& status);

// descriptor: of the same file; one opened with O_PATH will do.
bool others_may_write(const struct stat& status, int descriptor);

}  // namespace garage
