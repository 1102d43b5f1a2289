// The source of a decomposer, as far as facts tell it; what they cannot tell is marked 'Decide:' for the author.
#pragma once

#include <map>
#include <string>

#include "facts.hpp"

namespace garage::cli {

// "@STAGES@" and the like of sdk/template/src/decomposer.cpp.in.
using Words = std::map<std::string, std::string>;

Words source_words(const Facts& facts);

// Text in which every "@WORD@" has become its value.
std::string filled(std::string text, const Words& words);

}  // namespace garage::cli
