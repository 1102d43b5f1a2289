// How large a spec's document may be.
#pragma once

#include <cstdint>

namespace garage {

// Bytes. The one of a model of 36,945 tensors has 8 million; reading the worst of this size takes 2 GB.
inline constexpr std::uint64_t kMaxSpecFile = 64 << 20;

}  // namespace garage
