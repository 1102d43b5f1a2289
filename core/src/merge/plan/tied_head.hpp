// The head of a model, which has a tensor of its own or is tied to the embedding's.
#pragma once

#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include <garage/spec.hpp>

#include "merge_source.hpp"
#include "result_tensors.hpp"

namespace garage {

struct Head {
  std::string part, tensor;
  std::optional<std::string> tied_to;  // the part whose tensor it is
};
// Nothing where a model has none, or several.
std::optional<Head> head_of(const ModelSpec& spec);

// Makes a result whose head is tied, or has a tensor of its own, of one of whose base it is not so.
// Throws kUnsupported when the base has no head.
void set_tie(bool tie, const MergeSource& base, ResultTensors& tensors, boost::json::object& config);

}  // namespace garage
