// Position: how an attention knows where its tokens stand. A further way is a struct in a file of its own and a line here.
#pragma once

#include <variant>

#include <garage/blueprint/alibi.hpp>
#include <garage/blueprint/relative_bias.hpp>
#include <garage/blueprint/rope.hpp>

namespace garage {

// In a document {"rope": {...}}, or nothing: the attention does not know.
using Position = std::variant<std::monostate, Rope, Alibi, RelativeBias>;

}  // namespace garage
