// Names of parts that differ in their numbers only, as one: "attention_{0..31}", "expert_{0..93}_{0..127}".
#pragma once

#include <string>
#include <vector>

#include <garage/export.hpp>

namespace garage {

// In the order in which the stems first occur; those that share no stem are told one after another, by ", ".
GARAGE_API std::string name_ranges(const std::vector<std::string>& names);

}  // namespace garage
