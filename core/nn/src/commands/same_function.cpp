#include "same_function.hpp"

#include <algorithm>

#include <garage/compare.hpp>
#include <garage/error.hpp>
#include <garage/name_ranges.hpp>
#include <garage/part_kinds.hpp>
#include <garage/tensor_roles.hpp>

namespace garage::nn {
namespace {

constexpr std::size_t kMostReasons = 4;

class Comparing {
 public:
  Comparing(const ModelSpec& a, const ModelSpec& b) : a_(a), b_(b) {}

  void require() const {
    for (const auto& [name, part] : a_.parts)
      if (!b_.parts.find(name)) refuse(fmt::format("'{}' has no part '{}'", b_.model_id, name));
    for (const auto& [name, part] : b_.parts)
      if (!a_.parts.find(name)) refuse(fmt::format("'{}' has no part '{}'", a_.model_id, name));
    require_same_kinds();
    for (const auto& [name, part] : a_.parts)
      if (part.blueprint) require_same_tensors(name, part, *b_.parts.find(name));
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(Errc::kUnsupported, fmt::format("the weights of '{}' and '{}' are not all that they differ in: {}",
                                                a_.model_id, b_.model_id, why));
  }

  void require_same_kinds() const {
    const auto swaps = compare(a_, b_).swaps;
    for (const auto& kind : part_kinds(a_)) {
      const auto members = name_ranges(kind.members);
      const Swap* nearest = nullptr;
      for (const auto& swap : swaps) {
        if (swap.a != members) continue;
        const auto is_nearer = [&] {
          const bool is_same = swap.b == members, was_same = nearest->b == members;
          return is_same != was_same ? is_same : swap.level > nearest->level;
        };
        if (!nearest || is_nearer()) nearest = &swap;
      }
      if (!nearest) refuse(fmt::format("'{}' has nothing like {}", b_.model_id, members));
      if (nearest->b != members && nearest->level == SwapLevel::identical)
        refuse(fmt::format("{} is {} in the second", members, nearest->b));
      if (nearest->level != SwapLevel::identical) refuse(fmt::format("{}: {}", members, reasons_of(*nearest)));
    }
  }

  static std::string reasons_of(const Swap& swap) {
    std::string text;
    for (std::size_t i = 0; i < std::min(swap.reasons.size(), kMostReasons); ++i) {
      const auto& [field, a, b] = swap.reasons[i];
      text += fmt::format("{}{} is {} and {}", i == 0 ? "" : ", ", field, a, b);
    }
    return swap.reasons.size() > kMostReasons ? text + ", ..." : text;
  }

  void require_same_tensors(const std::string& name, const PartSpec& part, const PartSpec& other) const {
    const auto roles = tensor_roles(part), theirs = tensor_roles(other);
    for (std::size_t i = 0; i < roles.size(); ++i) {
      const auto &ref = *roles[i].ref, &their_ref = *theirs.at(i).ref;
      if (ref.tensor != their_ref.tensor)
        refuse(fmt::format("{} of {} is tensor '{}' and '{}'", roles[i].role, name, ref.tensor, their_ref.tensor));
      if (ref.view != their_ref.view)
        refuse(fmt::format("{} of {} lies in another place of tensor '{}'", roles[i].role, name, ref.tensor));
    }
  }

  const ModelSpec &a_, &b_;
};

}  // namespace

void require_same_function(const ModelSpec& a, const ModelSpec& b) { Comparing(a, b).require(); }

}  // namespace garage::nn
