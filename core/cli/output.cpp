#include "output.hpp"

#include <cstdio>

#include <unistd.h>

#include <fmt/format.h>

#include <garage/printable.hpp>

namespace garage::cli {
namespace {

constexpr int kRed = 31, kYellow = 33;  // SGR

void tell(const char* what, int colour, std::string_view text) {
  static const bool is_coloured = terminal_of(STDERR_FILENO).colour;
  const auto shown = printable(text);
  const auto line = is_coloured ? fmt::format("\033[{}m{}:\033[0m {}\n", colour, what, shown)
                                : fmt::format("{}: {}\n", what, shown);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

void print(std::string_view line) { print_json(printable(line)); }

void print(const Table& table) { print_json(table.text(terminal_of(STDOUT_FILENO))); }

void print_json(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (text.empty() || text.back() != '\n') std::fputc('\n', stdout);
}

void note(std::string_view text) { tell("note", kYellow, text); }
void error(std::string_view text, const std::vector<std::string>& details) {
  tell("error", kRed, text);
  for (const auto& detail : details) fmt::print(stderr, "  {}\n", printable(detail));
}

std::string grouped(std::int64_t number) {
  auto digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string or_dash(const std::optional<std::int64_t>& number) { return number ? std::to_string(*number) : "-"; }

}  // namespace garage::cli
