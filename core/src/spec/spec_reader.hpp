// What a spec document says, from a text that is parsed already: read_spec and read_spec_summary in two steps.
#pragma once

#include <string_view>

#include <garage/spec_document.hpp>

#include "../json/json_reader.hpp"

namespace garage {

// A part's name, in documents of either edition.
template <PartRole role>
void read_json(const JsonElement& element, PartRef<role>& out, const JsonPath& at) {
  out.part = string_at(element, at);
}

// contradiction: the code for a document that reads well and contradicts itself.
ModelSpec spec_of(const JsonDocument& document, std::string_view subject, Errc contradiction = Errc::kCorrupt);
SpecSummary summary_of(const JsonDocument& document, std::string_view subject);

}  // namespace garage
