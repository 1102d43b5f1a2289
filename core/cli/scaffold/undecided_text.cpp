#include "undecided_text.hpp"

#include <fmt/format.h>

namespace garage::cli {
namespace {

// As a C++ string: what it has of a file may hold anything.
std::string quoted(const std::string& text) {
  std::string literal = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') literal += '\\';
    literal += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return literal + '"';
}

}  // namespace

std::string undecided_text(std::string_view type, const std::string& what) {
  return fmt::format("undecided<{}>({})", type, quoted(what));
}

std::string module_text(const std::string& module, const std::string& what) {
  return module.empty() ? undecided_text("std::string", what) : quoted(module);
}

}  // namespace garage::cli
