// NameHash: for tables by name, of which a model has tens of thousands. Its bits are as good as random, so that a table
// need not mix them again, and it takes views, so that looking up makes no string.
#pragma once

#include <cstddef>
#include <string_view>

#include <garage/export.hpp>

namespace garage {

struct GARAGE_API NameHash {
  using is_avalanching = void;
  using is_transparent = void;

  std::size_t operator()(std::string_view name) const noexcept;
};

}  // namespace garage
