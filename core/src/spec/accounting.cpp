#include <garage/accounting.hpp>

#include <algorithm>

#include <boost/container/small_vector.hpp>
#include <fmt/format.h>

#include <garage/children.hpp>
#include <garage/error.hpp>
#include <garage/name_pattern.hpp>
#include <garage/nearest.hpp>
#include <garage/tensor_roles.hpp>

#include "../blueprint/strided_view.hpp"
#include "spec_rules.hpp"

namespace garage {
namespace {

[[noreturn]] void disagree(const std::string& fault) { throw Error(Errc::kCorrupt, fault); }

// What the role sees of the tensor; of a whole one nothing need be worked out.
StridedView viewed(const TensorInfo& tensor, const std::string& part, const TensorRole& role) {
  StridedView view;
  try {
    if (!role.ref->view.empty()) view = see(tensor.shape, role.ref->view);
  } catch (const Error& error) {
    disagree(fmt::format("tensor '{}' {} cannot be the {} of {}, {}: {}", tensor.name, shape_text(tensor.shape),
                         role.role, part, shape_text(role.shape), error.what()));
  }
  const auto& shape = role.ref->view.empty() ? tensor.shape : view.seen_as ? *view.seen_as : view.shape;
  if (shape != role.shape)
    disagree(fmt::format("tensor '{}' {} gives {} for the {} of {}, whose dimensions demand {}", tensor.name,
                         shape_text(tensor.shape), shape_text(shape), role.role, part, shape_text(role.shape)));
  return view;
}

struct Claim {
  const std::string* part;
  std::string role;
  StridedView view;    // coalesced; empty for a whole tensor
  bool whole = false;  // the tensor as it is: the most there can be
};

using Claims = boost::container::small_vector<Claim, 1>;  // most tensors have one

class Ledger {
 public:
  Ledger(ModelSpec& spec, const Model& model)
      : spec_(spec), model_(model), tensors_(model.tensors()), claims_(tensors_.size()) {}

  void claim_all() {
    std::vector<Missing> missing;
    for (auto& [name, part] : spec_.parts) {
      part.parameters = 0;
      for (auto& role : tensor_roles(part)) claim(name, part, role, missing);
    }
    if (!missing.empty())
      disagree(fmt::format("{}{}{}", missing.front().fault,
                           missing.size() > 1 ? fmt::format(" ({} more are missing)", missing.size() - 1) : "",
                           did_you_mean(missing.front().tensor, unclaimed())));
  }

  void check_ties() const {
    for (const auto& [name, role] : tied_) {
      const auto& owners = claims_of(*model_.find(role.ref->tensor));
      if (owners.empty() || *owners.front().part != role.owner)
        throw Error(Errc::kInternal, fmt::format("part '{}' is tied to '{}', which does not own tensor '{}'", *name,
                                                 role.owner, role.ref->tensor));
    }
  }

  void check_coverage() const {
    for (const auto& tensor : tensors_)
      if (const auto& claims = claims_of(tensor); claims.size() > 1 || (claims.size() == 1 && !claims.front().whole))
        check_one(tensor, claims);
  }

  void settle_the_rest() {
    for (auto& row : spec_.ignored) row.count = 0;
    std::vector<const TensorInfo*> left;
    for (const auto& tensor : tensors_) {
      const auto& owners = claims_of(tensor);
      auto* row = ignored_row(tensor.name);
      if (row && !owners.empty())
        throw Error(Errc::kInternal, fmt::format("tensor '{}' is claimed by {} and ignored as '{}'", tensor.name,
                                                 *owners.front().part, row->tensors));
      if (row) ++row->count;
      else if (owners.empty()) left.push_back(&tensor);
    }
    std::erase_if(spec_.ignored, [](const IgnoredTensors& row) { return row.count == 0; });
    if (!left.empty())
      disagree(fmt::format("tensor '{}' {} belongs to no part{}", left.front()->name, shape_text(left.front()->shape),
                           left.size() > 1 ? fmt::format(" ({} more are left over)", left.size() - 1) : ""));
  }

  // Until here a part's parameters were its own; from here they are its children's, too. A part has one place, and so
  // it counts once in each part that it lies in.
  void count() {
    spec_.parameters = 0;
    for (const auto& [name, part] : spec_.parts) add(spec_.parameters, part.parameters, name);
    std::vector<std::int64_t> totals;
    std::int64_t all = 0;  // which a reader of the spec may want
    for (const auto& [name, part] : spec_.parts) add(all, totals.emplace_back(with_children(part)), name);
    auto total = totals.begin();
    for (auto& [name, part] : spec_.parts) part.parameters = *total++;
    spec_.dtypes.clear();
    for (const auto& tensor : tensors_)
      ++spec_.dtypes[std::string(tensor.encoding.empty() ? to_string(tensor.dtype) : tensor.encoding)];
  }

 private:
  struct Missing {
    std::string tensor, fault;
  };
  struct Tied {
    const std::string* part;
    TensorRole role;
  };

  void claim(const std::string& name, PartSpec& part, TensorRole& role, std::vector<Missing>& missing) {
    const auto* tensor = model_.find(role.ref->tensor);
    if (!tensor) {
      missing.push_back({role.ref->tensor, fmt::format("tensor '{}' is missing: {} needs it, {}, as its {}",
                                                       role.ref->tensor, name, shape_text(role.shape), role.role)});
      return;
    }
    const bool whole = role.ref->view.empty();
    const auto view = viewed(*tensor, name, role);
    if (role.is_shared()) {
      tied_.push_back({&name, std::move(role)});
      return;
    }
    claims_of(*tensor).push_back({&name, std::move(role.role), coalesce(view), whole});
    add(part.parameters, whole ? tensor->elements() : view.elements(), name);
  }

  std::vector<std::string> unclaimed() const {
    std::vector<std::string> names;
    for (const auto& tensor : tensors_)
      if (claims_of(tensor).empty()) names.push_back(tensor.name);
    return names;
  }

  Claims& claims_of(const TensorInfo& tensor) {
    return claims_[static_cast<std::size_t>(&tensor - tensors_.data())];
  }
  const Claims& claims_of(const TensorInfo& tensor) const {
    return const_cast<Ledger*>(this)->claims_of(tensor);
  }

  static void check_one(const TensorInfo& tensor, Claims claims) {
    for (auto& claim : claims)
      if (claim.whole) claim.view = coalesce(see(tensor.shape, {}));
    const auto twice = [&](const Claim& a, const Claim& b) {
      disagree(fmt::format("tensor '{}' is claimed twice: by {} as {} and by {} as {}", tensor.name, *a.part, a.role,
                           *b.part, b.role));
    };
    std::sort(claims.begin(), claims.end(),
              [](const Claim& a, const Claim& b) { return a.view.offset < b.view.offset; });
    std::int64_t used = 0;
    for (std::size_t i = 0; i < claims.size(); ++i) {
      used += claims[i].view.elements();
      // Sorted runs can only meet their neighbours.
      const bool run = claims[i].view.is_contiguous();
      for (std::size_t j = i + 1; j < claims.size(); ++j) {
        if (intersect(claims[i].view, claims[j].view)) twice(claims[i], claims[j]);
        if (run && claims[j].view.offset >= claims[i].view.offset + claims[i].view.elements()) break;
      }
    }
    if (used != tensor.elements())
      disagree(fmt::format("tensor '{}' {} has {} numbers, {} uses {} of them", tensor.name, shape_text(tensor.shape),
                           tensor.elements(), *claims.front().part, used));
  }

  IgnoredTensors* ignored_row(std::string_view name) {
    for (auto& row : spec_.ignored)
      if (fits_pattern(row.tensors, name)) return &row;
    return nullptr;
  }

  static void add(std::int64_t& count, std::int64_t more, const std::string& part) {
    if (__builtin_add_overflow(count, more, &count))
      disagree(fmt::format("with part '{}' the model has more numbers than 64 bits count", part));
  }

  // Requires: each part's parameters are its own alone, and the model's sum fits.
  std::int64_t with_children(const PartSpec& part) {
    if (const auto known = totals_.find(&part); known != totals_.end()) return known->second;
    auto sum = part.parameters;
    for (const auto& child : children_of(part)) sum += with_children(*spec_.parts.find(child));
    return totals_[&part] = sum;
  }

  ModelSpec& spec_;
  const Model& model_;
  const std::vector<TensorInfo>& tensors_;
  std::vector<Claims> claims_;  // by the tensor's place in the model
  std::vector<Tied> tied_;      // what parts read of others' tensors
  boost::unordered_flat_map<const PartSpec*, std::int64_t> totals_;  // with children
};

}  // namespace

void require_shape(const TensorInfo& tensor, const std::string& part, const TensorRole& role) {
  viewed(tensor, part, role);
}

void account(ModelSpec& spec, const Model& model) {
  require_consistent(spec);
  require_complete(spec);
  Ledger ledger(spec, model);
  ledger.claim_all();
  ledger.check_ties();
  ledger.check_coverage();
  ledger.settle_the_rest();
  ledger.count();
}

}  // namespace garage
