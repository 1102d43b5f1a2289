// Texts that came from outside, as a terminal may be given them: names of tensors, ids, what plugins answer. As they
// are they may clear the screen, set its title, or write rows that are not there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <garage/export.hpp>

namespace garage {

inline constexpr std::size_t kMostPrinted = 2000;  // bytes: what a person reads

// Control characters, line ends among them, as \x1b, \n; what changes the direction of writing, other line ends and
// what no eye sees as \u202e; bytes that are not UTF-8 as \xff. Of a longer text the middle is left out, and it says
// how much.
GARAGE_API std::string printable(std::string_view text, std::size_t most = kMostPrinted);

// Whether printable(text, most) is certainly the text itself: it is short, and of ASCII's printable characters.
GARAGE_API bool is_printable(std::string_view text, std::size_t most = kMostPrinted) noexcept;

}  // namespace garage
