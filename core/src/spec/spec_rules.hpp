// What a spec must keep by itself, whatever the model.
#pragma once

#include <garage/spec.hpp>

namespace garage {

// Throws kInternal: the spec contradicts itself, which is its plugin's fault.
void require_consistent(const ModelSpec& spec);

}  // namespace garage
