#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/linear.hpp>
#include <garage/blueprint/part_ref.hpp>
#include <garage/blueprint/tensor_ref.hpp>

namespace garage {

struct OutputHead {
  static constexpr std::string_view kName = "output_head";
  static constexpr auto kServesAs = kServes<PartRole::step>;
  static constexpr std::string_view kUnnamed = "projection";  // the member whose tensors bear no prefix
  static constexpr std::string_view kTied = "weight";

  Linear projection;                                // to the vocabulary
  std::optional<double> softcap;                    // cap * tanh(logits / cap)
  std::optional<PartRef<PartRole::owner>> tied_to;  // the part whose tensor the weight is
  std::optional<double> input_scale;                // above 0: of what is projected (T5)
  std::optional<TensorRef> logits_bias;             // [1, projection.out]: added once they are projected (BART)
  // Of what is projected, before logits_bias and softcap; not both:
  std::optional<double> logits_scale;    // above 0: logits * it (Cohere)
  std::optional<double> logits_divisor;  // above 0: logits / it (Granite)

  std::int64_t input() const { return projection.in; }
  std::int64_t output() const { return projection.out; }

  template <class Each>
  void each_tensor(Each each) const {
    if (logits_bias) each("logits_bias", *logits_bias, TensorShape{1, projection.out});
  }
  void check(Faults& faults) const {
    faults.above_0("softcap", softcap);
    faults.above_0("input_scale", input_scale);
    faults.present_if_any("logits_bias", logits_bias);
    faults.above_0("logits_scale", logits_scale);
    faults.above_0("logits_divisor", logits_divisor);
    faults.require(!(logits_scale && logits_divisor), "has a 'logits_scale' and a 'logits_divisor'");
  }
  friend bool operator==(const OutputHead&, const OutputHead&) = default;
};
BOOST_DESCRIBE_STRUCT(OutputHead, (), (projection, softcap, tied_to, input_scale, logits_bias, logits_scale, logits_divisor))

}  // namespace garage
