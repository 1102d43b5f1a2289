#include "text_hash.hpp"

#include <fmt/format.h>
#include <xxhash.h>

namespace garage {

std::string text_hash(std::string_view text) {
  const auto hash = XXH3_128bits(text.data(), text.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace garage
