#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <garage/blueprint/apart.hpp>
#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/part_ref.hpp>
#include <garage/blueprint/tensor_ref.hpp>

namespace garage {

enum class NormKind {
  layer,  // (x - mean) / sqrt(var + eps) * (weight_offset + weight) + bias
  rms,    // x / sqrt(mean(x^2) + eps) * (weight_offset + weight)
  l2,     // x / max(sqrt(sum(x^2)), eps), without weight and bias
};
BOOST_DESCRIBE_ENUM(NormKind, layer, rms, l2)

struct Norm {
  static constexpr std::string_view kName = "norm";
  static constexpr auto kServesAs = kServes<PartRole::norm, PartRole::branch, PartRole::step>;
  static constexpr auto kSizes = std::to_array<std::string_view>({"size"});
  static constexpr auto kNeeds = std::to_array<std::string_view>({"kind"});

  NormKind kind = NormKind::layer;
  std::int64_t size = 0;              // numbers that are scaled together
  double eps = 0;                     // above 0
  std::optional<TensorRef> weight;    // [size]; null: no learned scale
  Apart<TensorRef> bias;              // [size]
  double weight_offset = 0;           // 1 in Gemma and Nemotron, whose weights are stored around 0
  bool multiply_before_cast = false;  // of narrow dtypes: whether the weight multiplies in float32 (Gemma)

  std::int64_t input() const { return size; }
  std::int64_t output() const { return size; }

  template <class Each>
  void each_tensor(Each each) const {
    if (weight) each("weight", *weight, TensorShape{size});
    if (bias) each("bias", *bias, TensorShape{size});
  }
  void check(Faults& faults) const {
    faults.present("size", size);
    faults.present("eps", eps);
    faults.present_if_any("weight", weight);
    faults.present_if_any("bias", bias);
    faults.require(kind != NormKind::l2 || !(weight || bias), "is of kind l2, and has a 'weight' or a 'bias'");
  }
  friend bool operator==(const Norm&, const Norm&) = default;
};
BOOST_DESCRIBE_STRUCT(Norm, (), (kind, size, eps, weight, bias, weight_offset, multiply_before_cast))

}  // namespace garage
