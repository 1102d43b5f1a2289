// Claims: which parts say that a tensor, or what they see of it, is theirs.
#pragma once

#include <string>

#include <boost/container/small_vector.hpp>

#include <garage/spec.hpp>

namespace garage {

// Few tensors have more than one, or one that is not for the whole tensor: what else is to be said of those is worked
// out for them alone.
struct TensorClaim {
  const PartTable::value_type* part;
  const TensorRef* ref;  // into its blueprint

  const std::string& name() const { return part->first; }
  bool is_whole() const { return ref->view.empty(); }  // the tensor as it is: the most there can be
  std::string role() const;
};

using Claims = boost::container::small_vector<TensorClaim, 1>;

// Throws kCorrupt, naming the tensor, unless no two claims meet and all of them together take every number of it.
// Without a claim nothing is required.
void require_disjoint_and_whole(const TensorInfo& tensor, const Claims& claims);

}  // namespace garage
