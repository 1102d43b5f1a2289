// What a page says of parts that are alike: dimensions, what they compute, and their tensors.
#pragma once

#include <string>

#include <garage/part_kinds.hpp>
#include <garage/spec.hpp>

namespace garage::cli {

// A <section id="<id>">. heading_note stands after the names: the model's id, where there are two. links is HTML that
// stands below the dimensions.
std::string kind_section(const ModelSpec& spec, const PartKind& kind, const std::string& id,
                         const std::string& heading_note = {}, const std::string& links = {});

}  // namespace garage::cli
