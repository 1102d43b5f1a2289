// Models of families that everybody knows, for checks that need some: one or two a family, as transformers writes them,
// the reference checkpoints cut to their first layer. They stand in known_models.json of the family's folder,
// and here for families without one.
#pragma once

#include <string>
#include <vector>

#include <garage/model.hpp>

namespace garage::conformance {

struct KnownModel {
  std::string family;  // as our plugins call it
  std::string config;  // JSON
  std::vector<TensorInfo> tensors;
};

const std::vector<KnownModel>& known_models();

}  // namespace garage::conformance
