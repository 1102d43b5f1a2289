// HTML text, and the frame that every page has: one file, with its style and its script inside, that asks no network
// for anything.
#pragma once

#include <string>
#include <string_view>

namespace garage::cli {

std::string escaped(std::string_view text);  // for element text and quoted attributes
std::string page(std::string_view title, std::string_view body);

}  // namespace garage::cli
