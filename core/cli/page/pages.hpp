// What `show --html` and `compare --html` write: one HTML file that needs nothing else.
#pragma once

#include <string>

#include <garage/compare.hpp>
#include <garage/spec.hpp>

namespace garage::cli {

// Throws kUnsupported for specs whose parts have no blueprints, as the Python registry wrote them.
std::string model_page(const ModelSpec& spec);
std::string comparison_page(const ModelSpec& a, const ModelSpec& b);

}  // namespace garage::cli
