#pragma once

#include <string>

namespace garage {

class ReadFile;

// Of all that is in the file, in hex, as coreutils' sha256sum writes it. Throws kIo.
std::string sha256_of(const ReadFile& file);

}  // namespace garage
