// How far one kind of part may stand for another.
#pragma once

#include <garage/compare.hpp>
#include <garage/part_kinds.hpp>

namespace garage {

Swap swap_of(const PartKind& a, const PartKind& b);

}  // namespace garage
