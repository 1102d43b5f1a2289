// What commands print.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <garage/json_writer.hpp>

#include "table.hpp"

namespace garage::cli {

// To stdout, with a line end. What a line holds may come from anywhere: it is made printable.
void print(std::string_view line);
void print(const Table& table);         // as wide as the terminal is, and coloured there
void print_json(std::string_view text);  // as it is

void note(std::string_view text);   // to stderr: "note: ..."
void error(std::string_view text, const std::vector<std::string>& details = {});  // to stderr: "error: ..."

template <class T>
std::string json_text(const T& value) {
  JsonWriter out(1);
  write_json(out, value);
  return out.take();
}

std::string grouped(std::int64_t number);                        // "6,738,415,616"
std::string or_dash(const std::optional<std::int64_t>& number);  // "-" for nothing

}  // namespace garage::cli
