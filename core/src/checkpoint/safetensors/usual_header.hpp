// UsualHeader: a safetensors header as its writers write it, read in one go. Theirs is but one of the ways to say the
// same: texts without escapes, of ASCII; the three fields of a tensor in their order; numbers of at most 18 digits;
// between all of it spaces or nothing. What has any other form, or is broken, HeaderEvents reads, which knows all of
// JSON and says what is wrong. What is read here it would read alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "header_events.hpp"

namespace garage {

struct HeaderText {
  std::vector<RawEntry> entries;
  std::vector<std::pair<std::string, std::string>> metadata;
};

// Nothing where the header has another form. What it says is not yet held to any rule.
std::optional<HeaderText> read_usual_header(std::string_view text);

}  // namespace garage
