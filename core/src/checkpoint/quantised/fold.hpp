// Quantised checkpoints: what quantisers store instead of a weight becomes the weight that it stands for.
#pragma once

#include <string_view>

#include "../contents.hpp"

namespace garage {

// Called once all tensors and the config are there. Leaves a plain model as it is, also where its config has a
// quantiser that is switched off. Of a quantised one the tensors that belong together become one, F32, under the name
// that the weight has in a plain checkpoint; what only an activation quantiser needs is left out, with a note. Of
// weights no byte is read, only the few that say how a weight is stored (a shape, bitsandbytes' quant_state). subject:
// what errors begin with, a path.
//
// Throws  kUnsupported (a quantiser, or a variant of one, that is not read; quantised tensors that the config says
//         nothing of; a config that says quantised of weights that are plain), kCorrupt (a tensor lacks those that it
//         needs, or they do not fit it, or are alone).
void fold_quantised(Contents& contents, std::string_view subject);

}  // namespace garage
