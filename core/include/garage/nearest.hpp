// What somebody who misspelt a word may have meant.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <garage/export.hpp>

namespace garage {

// The candidate with the fewest insertions, deletions and changes from word; nothing when all are too far away.
GARAGE_API std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

// "; did you mean 'catalog'?", or "".
GARAGE_API std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace garage
