// One model in several layouts: other names for its tensors, and what of its spec no layout changes.
#pragma once

#include <regex>
#include <string>

#include <garage/spec_document.hpp>
#include <garage/tensor_roles.hpp>

#include "variants.hpp"

namespace garage::test {

// The spec without what the file, not the model, decides.
inline std::string but_for_tensors(ModelSpec spec) {
  spec.source = {};
  spec.model_id.clear();
  spec.dtypes.clear();
  spec.ignored.clear();
  for (auto& [name, part] : spec.parts)
    for (const auto& role : tensor_roles(part)) const_cast<TensorRef&>(*role.ref) = {};
  return write_spec(spec);
}

inline void rename(Draft& draft, const std::string& pattern, const std::string& replacement) {
  for (auto& tensor : draft.tensors) tensor.name = std::regex_replace(tensor.name, std::regex(pattern), replacement);
}

}  // namespace garage::test
