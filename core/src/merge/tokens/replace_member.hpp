// One member of a JSON text written anew, every other byte of it left as it is: files of a tokenizer have numbers that
// no reader keeps (a model_max_length of 10^30), and are read by programs with a form in mind.
#pragma once

#include <string>
#include <string_view>

namespace garage {

// The text with that member of its root as `value`: where it stands, or at the end.
// Requires: a text that parse_python_json or JsonDocument read, whose root is an object.
std::string with_member(std::string_view text, std::string_view name, std::string_view value);

}  // namespace garage
