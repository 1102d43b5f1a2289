// The tensors of a model with other layers: the base's, each called after the layer that it is in now.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <garage/model.hpp>

#include "merge_source.hpp"

namespace garage {

struct ResultTensors {
  std::vector<TensorInfo> tensors;
  std::map<std::string, std::string> patterns;  // of each, the base's after which it is called
  std::vector<std::string> notes;               // what of the base is left out
};

// layers: of each layer of the result, the base's after whose tensors its own are called. Of a model whose layers are
// in no one stack all is as it is. Throws kUnsupported when a layer's tensor does not bear its number in its name.
ResultTensors tensors_of_layers(const MergeSource& base, const std::vector<std::int64_t>& layers);

}  // namespace garage
