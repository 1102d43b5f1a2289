// Dense: a projection that goes through an activation: what stands before a head's own projection, and in poolers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/linear.hpp>
#include <garage/blueprint/norm.hpp>
#include <garage/blueprint/part_ref.hpp>

namespace garage {

// y = norm(activation(x weight^T + bias))
struct Dense {
  static constexpr std::string_view kName = "dense";
  static constexpr auto kServesAs = kServes<PartRole::step>;
  static constexpr std::string_view kUnnamed = "linear";

  Linear linear;
  std::string activation;  // transformers' name, as a feed-forward's
  std::optional<Norm> norm;

  std::int64_t input() const { return linear.in; }
  std::int64_t output() const { return linear.out; }

  void check(Faults& faults) const {
    faults.present("activation", activation);
    if (norm) faults.equal("norm.size", norm->size, linear.out, "out");
  }
  friend bool operator==(const Dense&, const Dense&) = default;
};
BOOST_DESCRIBE_STRUCT(Dense, (), (linear, activation, norm))

}  // namespace garage
