#include "column_order.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../numbers.hpp"

namespace garage {
namespace {

std::int32_t index_at(Encoding::Piece indices, std::size_t column) noexcept {
  return load<std::int32_t>(indices.data() + column * sizeof(std::int32_t));
}

}  // namespace

std::vector<std::int32_t> groups_in(std::string_view encoding, Encoding::Piece indices, std::int64_t groups) {
  std::vector<std::int32_t> result(indices.size() / sizeof(std::int32_t));
  for (std::size_t column = 0; column < result.size(); ++column) {
    const auto group = result[column] = index_at(indices, column);
    if (group < 0 || group >= groups)
      throw Error(Errc::kCorrupt, fmt::format("{}: g_idx puts column {} into group {}, there are {} groups", encoding,
                                              column, group, groups));
  }
  return result;
}

std::vector<std::int32_t> equal_groups_in(std::string_view encoding, Encoding::Piece indices, std::int64_t groups,
                                          std::int64_t size) {
  const auto columns = indices.size() / sizeof(std::int32_t);
  bool is_unset = false;
  for (std::size_t column = 0; column < columns; ++column) is_unset |= index_at(indices, column) == -1;
  if (is_unset) return groups_in_a_row(static_cast<std::int64_t>(columns), size);
  auto result = groups_in(encoding, indices, groups);
  std::vector<std::int64_t> members(static_cast<std::size_t>(groups));
  for (const auto group : result) ++members[static_cast<std::size_t>(group)];
  for (std::size_t group = 0; group < members.size(); ++group)
    if (members[group] != size)
      throw Error(Errc::kCorrupt, fmt::format("{}: weight_g_idx has {} columns in group {}, should be {}", encoding,
                                              members[group], group, size));
  return result;
}

std::vector<std::int32_t> groups_in_a_row(std::int64_t columns, std::int64_t size) {
  std::vector<std::int32_t> groups(static_cast<std::size_t>(columns));
  for (std::size_t column = 0; column < groups.size(); ++column)
    groups[column] = static_cast<std::int32_t>(static_cast<std::int64_t>(column) / size);
  return groups;
}

ColumnRuns::ColumnRuns(std::span<const std::int32_t> group_of_column, std::int64_t groups, const Array& like)
    : columns_(static_cast<std::int64_t>(group_of_column.size())), runs_(groups) {
  if (columns_ % groups == 0 && std::ranges::equal(group_of_column, groups_in_a_row(columns_, columns_ / groups)))
    return;
  runs_ = columns_;
  order_ = like.constant(group_of_column);
}

Array ColumnRuns::seen(const Array& numbers) const {
  return numbers.view({numbers.shape()[0], runs_, columns_ / runs_});
}

Array ColumnRuns::laid(const Array& of_groups) const {
  const auto of_runs = order_ ? of_groups.transpose(0, 1).at(*order_).transpose(0, 1) : of_groups;
  return of_runs.view({of_groups.shape()[0], runs_, 1});
}

}  // namespace garage
