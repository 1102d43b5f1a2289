#include "table.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <garage/printable.hpp>

namespace garage::cli {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 12;  // of a column that is broken into lines
constexpr int kBold = 1;

bool starts_character(char c) { return (c & 0xC0) != 0x80; }  // else it continues one, in UTF-8

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

// Where a name may be broken, for want of a space.
bool joins(char c) { return c == '_' || c == '.' || c == ',' || c == '/'; }

// As much of the text as fits into a line, broken at a space if there is one, else within a name; it is taken off the
// text.
std::string_view take_line(std::string_view& text, std::size_t limit) {
  std::size_t taken = 0, space = 0, join = 0, end = text.size() <= limit ? text.size() : 0;
  for (; end < text.size(); ++end) {
    if (starts_character(text[end]) && taken++ == limit) break;
    if (text[end] == ' ') space = end + 1;
    else if (joins(text[end])) join = end + 1;
  }
  if (end < text.size() && text[end] != ' ') end = space ? space : join ? join : end;
  const auto line = text.substr(0, end);
  text.remove_prefix(end);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return line.substr(0, line.find_last_not_of(' ') + 1);
}

void append_cell(std::string& line, std::string_view text, std::size_t room, bool right, int colour) {
  const auto used = width(text);
  const auto space = room > used ? room - used : 0;
  if (right) line.append(space, ' ');
  if (colour) line += "\033[" + std::to_string(colour) + "m";
  line += text;
  if (colour) line += "\033[0m";
  if (!right) line.append(space, ' ');
}

}  // namespace

void Table::add(std::span<const std::string_view> row) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const auto begin = cells_.size();
    if (is_printable(row[i])) cells_ += row[i];
    else cells_ += printable(row[i]);
    ends_.push_back(cells_.size());
    columns_[i].width = std::max(columns_[i].width, width(std::string_view(cells_).substr(begin)));
  }
}

std::string_view Table::cell(std::size_t row, std::size_t column) const {
  const auto at = row * columns_.size() + column;
  const auto begin = at == 0 ? 0 : ends_[at - 1];
  return std::string_view(cells_).substr(begin, ends_[at] - begin);
}

std::vector<std::size_t> Table::widths_within(std::size_t limit) const {
  std::vector<std::size_t> widths;
  std::size_t sum = kGap * (columns_.size() - 1);
  for (const auto& column : columns_) {
    widths.push_back(column.width);
    sum += column.width;
  }
  for (; sum > limit; --sum) {
    std::size_t* widest = nullptr;
    for (std::size_t i = 0; i < columns_.size(); ++i)
      if (!columns_[i].right && widths[i] > kNarrowest && (!widest || widths[i] > *widest)) widest = &widths[i];
    if (!widest) break;
    --*widest;
  }
  return widths;
}

std::string Table::text(const Terminal& terminal) const {
  const auto widths = widths_within(terminal.columns.value_or(cells_.size()));
  const auto rows = ends_.size() / columns_.size();
  std::string text, line;
  text.reserve(rows * std::accumulate(widths.begin(), widths.end(), kGap * widths.size()));
  std::vector<std::string_view> rest(columns_.size());
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < columns_.size(); ++i) rest[i] = cell(row, i);
    do {
      line.clear();
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        const auto& column = columns_[i];
        const int colour = !terminal.colour ? 0 : row == 0 ? kBold : column.colour ? column.colour(cell(row, i)) : 0;
        if (i) line.append(kGap, ' ');
        const auto shown = column.right ? std::exchange(rest[i], {}) : take_line(rest[i], widths[i]);
        append_cell(line, shown, widths[i], column.right, shown.empty() ? 0 : colour);
      }
      line.resize(line.find_last_not_of(' ') + 1);
      text += line += '\n';
    } while (std::any_of(rest.begin(), rest.end(), [](auto left) { return !left.empty(); }));
  }
  text.pop_back();
  return text;
}

}  // namespace garage::cli
