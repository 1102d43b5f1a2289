#include <garage/blueprint/faults.hpp>

#include <fmt/format.h>

#include <garage/blueprint/walk.hpp>

namespace garage {

void Faults::add(std::string_view fault) {
  if (!first_) first_ = fault;
}

std::string Faults::name_of(std::string_view member) const {
  auto name = at_.full();
  if (!name.empty()) name += '.';
  return name.append(member);
}

std::string Faults::missing(std::string_view member, std::string_view rest) const {
  return fmt::format("has no '{}{}'", name_of(member), rest);
}

void Faults::not_positive(std::string_view member, std::int64_t value, bool is_missing) {
  add(is_missing ? missing(member) : fmt::format("has {} {}, should be above 0", name_of(member), value));
}
void Faults::not_positive(std::string_view member, double value, bool is_missing) {
  add(is_missing ? missing(member) : fmt::format("has {} {}, should be above 0", name_of(member), value));
}

void Faults::differs(std::string_view member, std::int64_t value, std::int64_t wanted, std::string_view why) {
  add(fmt::format("has {} {}, should be {} ({})", name_of(member), value, wanted, why));
}

std::int64_t Faults::product(std::string_view what, std::initializer_list<std::int64_t> factors) {
  std::int64_t product = 1;
  for (const auto factor : factors)
    if (factor < 0 || __builtin_mul_overflow(product, factor, &product)) {
      add(fmt::format("has {} of more numbers than 64 bits count", name_of(what)));
      return 0;
    }
  return product;
}

}  // namespace garage
