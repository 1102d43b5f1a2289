#include "sha256.hpp"

#include <algorithm>
#include <cstdint>

#include <sys/types.h>

#include <sha256.h>

#include "read_file.hpp"

namespace garage {

std::string sha256_of(const ReadFile& file) {
  constexpr std::uint64_t kPiece = 1 << 20;  // bytes
  SHA256_CTX context;
  ::SHA256Init(&context);
  for (std::uint64_t done = 0; done < file.size(); done += kPiece) {
    const auto bytes = file.read(done, std::min(kPiece, file.size() - done));
    ::SHA256Update(&context, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  char text[SHA256_DIGEST_STRING_LENGTH];
  return ::SHA256End(&context, text);
}

}  // namespace garage
