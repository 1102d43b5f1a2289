// What stands in a source where a checkpoint does not tell: it compiles, and says what is missing when it is asked.
#pragma once

#include <string>
#include <string_view>

namespace garage::cli {

// undecided<std::string>("the norm before attention: ...")
std::string undecided_text(std::string_view type, const std::string& what);

// The module's name, quoted; undecided, with what it would be, where none was recognised.
std::string module_text(const std::string& module, const std::string& what);

}  // namespace garage::cli
