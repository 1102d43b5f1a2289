// A spec document: what is read can be written and read again, and is the same.
#include <garage/spec_document.hpp>

#include "fuzzer.hpp"

void garage_fuzz(std::string_view input) {
  const auto spec = garage::read_spec(input, "input");
  garage::read_spec_summary(input, "input");
  const auto text = garage::write_spec(spec);
  garage::fuzz::require(garage::write_spec(garage::read_spec(text, "written")) == text, "a spec survives its document");
}
