#include <garage/blueprint/faults.hpp>

#include <fmt/format.h>

namespace garage {

void Faults::add(std::string_view fault) {
  if (!first_) first_ = fault;
}

std::string Faults::name_of(std::string_view member) const {
  return at_.empty() ? std::string(member) : at_ + "." + std::string(member);
}

template <class Number>
void Faults::positive_number(std::string_view member, Number value, bool is_missing) {
  if (is_missing) return add(missing(member));
  if (!(value > 0)) add(fmt::format("has {} {}, should be above 0", name_of(member), value));
}
void Faults::positive(std::string_view member, std::int64_t value, bool is_missing) {
  positive_number(member, value, is_missing);
}
void Faults::positive(std::string_view member, double value, bool is_missing) {
  positive_number(member, value, is_missing);
}

void Faults::equal(std::string_view member, std::int64_t value, std::int64_t wanted, std::string_view why) {
  if (value != wanted) add(fmt::format("has {} {}, should be {} ({})", name_of(member), value, wanted, why));
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
