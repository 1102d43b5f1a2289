// The ops of the variant: what documents call them, and which of them may stand where.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <variant>

#include <boost/mp11/algorithm.hpp>

#include <garage/blueprint.hpp>

namespace garage {

// In the order of the variant.
inline constexpr auto kBlueprintOps = []<class... Ops>(const std::variant<Ops...>*) {
  return std::array<std::string_view, sizeof...(Ops)>{Ops::kName...};
}(static_cast<const Blueprint*>(nullptr));

inline std::string_view op_name(const Blueprint& blueprint) { return kBlueprintOps[blueprint.index()]; }

inline bool may_stand_as(const Blueprint& blueprint, PartRole role) {
  return std::visit([&]<class Op>(const Op&) { return serves_as<Op>(role); }, blueprint);
}

// Those that may stand as that, in the order of the variant.
inline std::vector<std::string_view> ops_that_serve_as(PartRole role) {
  std::vector<std::string_view> names;
  boost::mp11::mp_for_each<boost::mp11::mp_transform<boost::mp11::mp_identity, Blueprint>>([&]<class Op>(
      boost::mp11::mp_identity<Op>) {
    if (serves_as<Op>(role)) names.push_back(Op::kName);
  });
  return names;
}

}  // namespace garage
