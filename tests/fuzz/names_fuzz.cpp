// Names that anybody may choose: ids, paths, labels, globs. The input is two of them, with a NUL between.
#include <algorithm>

#include <garage/catalog.hpp>
#include <garage/path_text.hpp>

#include "batch/brace_spread.hpp"
#include "fuzzer.hpp"
#include "text/utf8.hpp"

namespace {

std::string file_name(std::string_view id) {
  try {
    const auto name = garage::safe_id(id);
    garage::fuzz::require(!name.empty() && name[0] != '.' && name.find('/') == name.npos && name.size() <= 255,
                          "a safe id is a file's name");
    return name;
  } catch (const garage::Error&) { return ""; }
}

}  // namespace

void garage_fuzz(std::string_view input) {
  using garage::fuzz::require;
  const auto one = input.substr(0, input.find('\0'));
  const auto other = input.substr(std::min(one.size() + 1, input.size()));
  const auto first = file_name(one), second = file_name(other);
  require(one == other || first.empty() || first != second, "two ids never meet in one file");
  garage::utf8_label(std::string(input));
  if (std::count(one.begin(), one.end(), '{') <= 100) require(garage::brace_spread(one).patterns > 0, "a glob is one at least");
  if (one.empty()) return;
  const auto text = garage::path_text(std::filesystem::path(one));
  require(garage::utf8_size(text) == text.size(), "a path's text is UTF-8");
  const std::filesystem::path path(one);
  const auto read_back = garage::is_file_uri(text) ? std::filesystem::absolute(path) : path;  // which a URI always is
  require(garage::path_from_text(text) == read_back, "a path survives its text");
}
