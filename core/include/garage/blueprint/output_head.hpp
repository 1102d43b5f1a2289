#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/linear.hpp>
#include <garage/blueprint/part_ref.hpp>

namespace garage {

struct OutputHead {
  static constexpr std::string_view kName = "output_head";
  static constexpr auto kServesAs = kServes<PartRole::step>;
  static constexpr std::string_view kUnnamed = "projection";  // the member whose tensors bear no prefix

  Linear projection;                                // to the vocabulary
  std::optional<double> softcap;                    // cap * tanh(logits / cap)
  std::optional<PartRef<PartRole::owner>> tied_to;  // the part whose tensor the weight is

  std::int64_t input() const { return projection.in; }
  std::int64_t output() const { return projection.out; }

  void check(Faults& faults) const { faults.above_0("softcap", softcap); }
  friend bool operator==(const OutputHead&, const OutputHead&) = default;
};
BOOST_DESCRIBE_STRUCT(OutputHead, (), (projection, softcap, tied_to))

}  // namespace garage
