// What to say of a command line that does not parse.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace garage::cli {

// CLI11's own words, or better ones where somebody slipped: which command or option was meant, and where help is.
std::string usage_fault(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& words);

}  // namespace garage::cli
