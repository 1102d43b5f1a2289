#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/part_ref.hpp>
#include <garage/blueprint/tensor_ref.hpp>

namespace garage {

struct ShapedTensor {
  TensorRef ref;
  TensorShape shape;  // what the view must give
  std::optional<PartRef<PartRole::owner>> tied_to;  // the part whose tensor it is; null: its own

  friend bool operator==(const ShapedTensor&, const ShapedTensor&) = default;
};
BOOST_DESCRIBE_STRUCT(ShapedTensor, (), (ref, shape, tied_to))

// A part that the other ops cannot say: the plugin's own code builds it, or nobody does.
struct Custom {
  static constexpr std::string_view kName = "custom";
  static constexpr auto kServesAs = kServes<PartRole::norm, PartRole::branch, PartRole::embedding, PartRole::step,
                                            PartRole::stack, PartRole::owner>;

  std::string builder;  // which builder of the plugin's nn library; empty: none
  boost::json::object attributes;
  std::map<std::string, ShapedTensor> tensors;  // by role
  std::vector<PartRef<PartRole::any>> parts;    // that it is made of

  template <class Each>
  void each_tensor(Each each) const {
    for (const auto& [role, tensor] : tensors) each(role, tensor.ref, tensor.shape);
  }
  void check(Faults& faults) const;
  friend bool operator==(const Custom&, const Custom&) = default;
};
BOOST_DESCRIBE_STRUCT(Custom, (), (builder, attributes, tensors, parts))

}  // namespace garage
