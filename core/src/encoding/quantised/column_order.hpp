// Which group of a matrix's columns each column belongs to, where quantisers took columns by how active they are.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <garage/encoding.hpp>

namespace garage {

// As GPTQ has it: the group of each column, int32. Throws kCorrupt: one that is not there.
std::vector<std::int32_t> groups_in(std::string_view encoding, Encoding::Piece indices, std::int64_t groups);

// As compressed-tensors has it (quantization/lifecycle/forward_helpers.py, _process_group): the columns, sorted by
// these numbers, make groups of that size; where one is -1 the columns' own order holds. Sorting that is not stable
// gives the same groups only where each number stands that often, so anything else is refused. Throws kCorrupt: a group
// that is not there, or has another size.
std::vector<std::int32_t> equal_groups_in(std::string_view encoding, Encoding::Piece indices, std::int64_t groups,
                                          std::int64_t size);

}  // namespace garage
