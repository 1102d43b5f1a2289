// Which group of a matrix's columns each column belongs to, where quantisers took columns by how active they are.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <garage/array.hpp>
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

// Each so many columns a group, in their own order; the last may have fewer.
std::vector<std::int32_t> groups_in_a_row(std::int64_t columns, std::int64_t size);

// Numbers on a device, seen so that what each group of columns has can be laid over them: [rows, runs, columns of a
// run]. A run is a group, or one column where groups differ in size or are not in a row.
class ColumnRuns {
 public:
  // group_of_column: below groups. like: any array of the device.
  ColumnRuns(std::span<const std::int32_t> group_of_column, std::int64_t groups, const Array& like);

  // [rows, columns] -> [rows, runs, columns of a run].
  Array seen(const Array& numbers) const;
  // [rows, groups] -> [rows, runs, 1].
  Array laid(const Array& of_groups) const;

 private:
  std::int64_t columns_, runs_;
  std::optional<Array> order_;  // the group of each column
};

}  // namespace garage
