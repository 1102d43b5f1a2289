// How far the weights of two models of the same shapes are apart, part by part: which layers a fine-tune touched.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include <garage/export.hpp>
#include <garage/registry.hpp>

namespace garage::nn {

// Of all tensors of a part together, as one vector each, in float64.
struct WeightDifference {
  std::string part, part_type;
  bool equal = false;        // every bit
  double relative_norm = 0;  // |a - b| / |a|; infinite where a is 0 and b is not
  double largest = 0;        // of |a_i - b_i|
  double cosine = 1;         // a.b / (|a| |b|); 0 where one is 0 and the other is not

  friend bool operator==(const WeightDifference&, const WeightDifference&) = default;
};
BOOST_DESCRIBE_STRUCT(WeightDifference, (), (part, part_type, equal, relative_norm, largest, cosine))

struct WeightComparison {
  std::vector<WeightDifference> parts;  // with tensors of their own, in the order of a
  std::vector<std::string> left_out;    // "attention_0: k.weight is [32, 32] and [16, 32]"
};
BOOST_DESCRIBE_STRUCT(WeightComparison, (), (parts, left_out))

// Reads both in pieces, and keeps none of them in memory; bits that are equal are not computed with. progress, if any,
// is told how many parts are done, of how many. Throws as get_module.
GARAGE_API WeightComparison diff_weights(const ModelRegistry& registry, const std::string& a, const std::string& b,
                                         const std::function<void(std::size_t done, std::size_t of)>& progress = {});

}  // namespace garage::nn
