// What a spec must keep by itself, whatever the model.
#pragma once

#include <garage/spec.hpp>

namespace garage {

// What holds for every spec, the Python seed's and an extracted part's too. Whoever works on a spec relies on it: that
// was read (read_spec), or accounted for.
// Throws kInternal: the spec contradicts itself.
void require_consistent(const ModelSpec& spec);

// ... and for that of a whole model, fresh from its plugin.
void require_complete(const ModelSpec& spec);

}  // namespace garage
