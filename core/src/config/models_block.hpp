// The block under `models:`, told apart by its lines alone: it may have millions of entries, which most commands do not
// need and which take YAML's reader tens of seconds.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace garage {

// The text with empty lines in the place of that block, so that all others keep their numbers. Nothing when it has no
// such block, or when it cannot be told apart for certain: an anchor in it, a text or a list that is open before it or that
// it leaves open, directives.
std::optional<std::string> without_models_block(std::string_view yaml);

}  // namespace garage
