// Finds, for each tensor of the result, the numbers that a model has for it: by the parts and roles of both, so that
// the models may lay their tensors out differently.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <garage/tensor_roles.hpp>

#include "merge_source.hpp"
#include "part_pairs.hpp"
#include "result.hpp"
#include "tensor_origin.hpp"

namespace garage {

// A role that a part of the result has for a tensor.
struct RoleOfTensor {
  const std::string* part;
  TensorRole role;
};
using RolesByTensor = std::map<std::string, std::vector<RoleOfTensor>>;  // what owns it alone
RolesByTensor roles_by_tensor(const ModelSpec& spec);

class Origins {
 public:
  Origins(const Result& result, const MergeSources& sources) : result_(result), sources_(sources) {}

  // roles: of the tensor. pairs: of the result's parts and the source's.
  // Throws kInvalidArgument when the source has nothing for a role, kUnsupported for numbers that are integers.
  TensorOrigin of(const TensorInfo& tensor, const std::vector<RoleOfTensor>& roles, std::size_t source,
                  const PartPairs& pairs);

  // The source's tensor that has the role. Throws the same.
  const TensorInfo* tensor_of(const RoleOfTensor& role, std::size_t source, const PartPairs& pairs) {
    return found(role, source, pairs).tensor;
  }

 private:
  struct Found {
    const TensorInfo* tensor;
    std::vector<ViewStep> view;
  };
  Found found(const RoleOfTensor& role, std::size_t source, const PartPairs& pairs);
  const std::map<std::string, TensorRole>& roles_of(std::size_t source, const std::string& part);

  const Result& result_;
  const MergeSources& sources_;
  std::map<std::pair<std::size_t, std::string>, std::map<std::string, TensorRole>> roles_;
};

}  // namespace garage
