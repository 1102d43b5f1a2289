#pragma once

#include <optional>
#include <string_view>

namespace garage {

// The words for a flag in YAML 1.1, which mergekit reads: true, True, yes, off, ...; nothing for another word.
std::optional<bool> flag_from(std::string_view word);

}  // namespace garage
