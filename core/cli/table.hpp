// Table: rows for people, whose cells are made printable. Columns two spaces apart; the first row is the heading.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "terminal.hpp"

namespace garage::cli {

class Table {
 public:
  explicit Table(const std::vector<std::string>& heading) : columns_(heading.size()) {
    add(std::vector<std::string_view>(heading.begin(), heading.end()));
  }
  void reserve(std::size_t rows) { ends_.reserve(ends_.size() + rows * columns_.size()); }
  void add(std::span<const std::string_view> row);  // one cell for every column
  void add(std::initializer_list<std::string_view> row) { add(std::span(row.begin(), row.size())); }
  void align_right(std::size_t column) { columns_[column].right = true; }

  // What a cell's colour is, as the number of an SGR sequence; 0 for none.
  using Paint = int (*)(std::string_view cell);
  void paint(std::size_t column, Paint colour) { columns_[column].colour = colour; }

  // Without a line end after the last row. Where the terminal is too narrow, the widest columns of text are broken into
  // lines; numbers, which are aligned right, are not.
  std::string text(const Terminal& terminal = {}) const;

 private:
  struct Column {
    bool right = false;
    Paint colour = nullptr;
    std::size_t width = 0;  // of its widest cell
  };

  std::string_view cell(std::size_t row, std::size_t column) const;
  std::vector<std::size_t> widths_within(std::size_t limit) const;

  // One string for all: a list of 100,000 models has a million cells.
  std::string cells_;
  std::vector<std::size_t> ends_;
  std::vector<Column> columns_;
};

}  // namespace garage::cli
