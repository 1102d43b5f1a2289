// The checks, by subject.
#pragma once

#include <string>
#include <vector>

#include "subject.hpp"

namespace garage::conformance {

struct Check {
  std::string id;                       // kebab-case, for good: people name them in scripts
  std::string what;                     // what it demands
  void (*run)(const Subject& subject);  // throws Failed or Skipped
};

std::vector<Check> file_checks();      // the file and its table, as they are
std::vector<Check> boundary_checks();  // structs of other sizes, hostile input
std::vector<Check> conduct_checks();   // determinism, threads, side effects, memory
std::vector<Check> model_checks();     // what it says of models

}  // namespace garage::conformance
