#include <garage/name_hash.hpp>

// Its code, not its library: a plugin must not depend on the one of the machine that it was built on.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace garage {

std::size_t NameHash::operator()(std::string_view name) const noexcept { return XXH3_64bits(name.data(), name.size()); }

}  // namespace garage
