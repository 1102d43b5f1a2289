#pragma once

#include <optional>
#include <string>

#include <yaml-cpp/mark.h>

namespace garage {

// Where a text goes on behind its first document; a null mark when that cannot be said. Empty documents do not count.
// Throws YAML::Exception when the text is no YAML.
std::optional<YAML::Mark> second_document(const std::string& text);

}  // namespace garage
