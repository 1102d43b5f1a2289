// What commands print.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <garage/json_writer.hpp>

namespace garage::cli {

void print(std::string_view text);  // to stdout, with a line end
void note(std::string_view text);   // to stderr: "note: ..."

template <class T>
std::string json_text(const T& value) {
  JsonWriter out(1);
  write_json(out, value);
  return out.take();
}

std::string grouped(std::int64_t number);                        // "6,738,415,616"
std::string or_dash(const std::optional<std::int64_t>& number);  // "-" for nothing

// Columns as wide as their widest cell, two spaces apart; the first row is the heading.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) : rows_{std::move(heading)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void align_right(std::size_t column) { right_.push_back(column); }
  std::string text() const;  // without a line end after the last row

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> right_;
};

}  // namespace garage::cli
