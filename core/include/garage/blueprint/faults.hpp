// Faults: where a blueprint's own rules report what they find. An op's `check` says its rules with it, beside its struct.
//
// A member that a document leaves out has its C++ default. So one that no part can do without has a default that none can
// have, which these refuse: "has no 'heads'", "has window -1, should be above 0".
//
// Hardly any struct of a large model has a fault. So words are found once there is one.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <garage/blueprint/tensor_ref.hpp>

namespace garage {

struct BlueprintPath;

class Faults {
 public:
  // at: where the struct lies in its blueprint. The first fault stays.
  Faults(std::optional<std::string>& first, const BlueprintPath& at) : first_(first), at_(at) {}

  void add(std::string_view fault);  // "scores by sparsemixer and has no 'jitter'"
  void require(bool holds, std::string_view fault) { if (!holds) add(fault); }
  template <std::invocable Words>
  void require(bool holds, Words words) { if (!holds) add(words()); }

  // Of a member whose default is 0, or empty.
  void present(std::string_view member, std::int64_t value) { positive(member, value, value == 0); }
  void present(std::string_view member, double value) { positive(member, value, value == 0); }
  void present(std::string_view member, const std::string& text) { if (text.empty()) add(missing(member)); }
  void present(std::string_view member, const TensorRef& ref) { if (ref.tensor.empty()) add(missing(member, ".tensor")); }
  template <class T>
  void present_if_any(std::string_view member, const T& maybe) { if (maybe) present(member, *maybe); }

  // Of a member that may be absent.
  template <class Number>
  void above_0(std::string_view member, const std::optional<Number>& value) {
    if (value) positive(member, *value, false);
  }
  void above_0(std::string_view member, double value) { positive(member, value, false); }

  // "has q.out 12, should be 16 (heads x qk_dim)"
  void equal(std::string_view member, std::int64_t value, std::int64_t wanted, std::string_view why) {
    if (value != wanted) differs(member, value, wanted, why);
  }
  // heads x qk_dim, where 64 bits count it; 0 and a fault where they do not.
  std::int64_t product(std::string_view what, std::initializer_list<std::int64_t> factors);

  std::string name_of(std::string_view member) const;  // "q_norm.eps"

 private:
  std::string missing(std::string_view member, std::string_view rest = {}) const;
  template <class Number>
  void positive(std::string_view member, Number value, bool is_missing) {
    if (!(value > 0)) not_positive(member, value, is_missing);
  }
  void not_positive(std::string_view member, std::int64_t value, bool is_missing);
  void not_positive(std::string_view member, double value, bool is_missing);
  void differs(std::string_view member, std::int64_t value, std::int64_t wanted, std::string_view why);

  std::optional<std::string>& first_;
  const BlueprintPath& at_;
};

}  // namespace garage
