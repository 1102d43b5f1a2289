#include <garage/accounting.hpp>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <garage/blueprint/walk.hpp>
#include <garage/children.hpp>
#include <garage/error.hpp>
#include <garage/name_pattern.hpp>
#include <garage/nearest.hpp>
#include <garage/tensor_roles.hpp>

#include "../blueprint/strided_view.hpp"
#include "account_consistent.hpp"
#include "claims.hpp"
#include "spec_rules.hpp"

namespace garage {
namespace {

[[noreturn]] void disagree(const std::string& fault) { throw Error(Errc::kCorrupt, fault); }

// What is seen of the tensor; of a whole one nothing need be worked out.
template <class Role>
StridedView viewed(const TensorInfo& tensor, const std::string& part, const std::vector<ViewStep>& steps,
                   const TensorShape& wanted, const Role& role) {
  StridedView view;
  try {
    if (!steps.empty()) view = see(tensor.shape, steps);
  } catch (const Error& error) {
    disagree(fmt::format("tensor '{}' {} cannot be the {} of {}, {}: {}", tensor.name, shape_text(tensor.shape), role(),
                         part, shape_text(wanted), error.what()));
  }
  const auto& shape = steps.empty() ? tensor.shape : view.seen_as ? *view.seen_as : view.shape;
  if (shape != wanted)
    disagree(fmt::format("tensor '{}' {} gives {} for the {} of {}, whose dimensions demand {}", tensor.name,
                         shape_text(tensor.shape), shape_text(shape), role(), part, shape_text(wanted)));
  return view;
}

// Each row with what a name must end with, so that most names are done with there.
class IgnoredRows {
 public:
  explicit IgnoredRows(std::vector<IgnoredTensors>& rows) {
    for (auto& row : rows)
      rows_.emplace_back(std::string_view(row.tensors).substr(row.tensors.rfind('*') + 1), &row);
  }

  IgnoredTensors* find(std::string_view name) const {
    for (const auto& [end, row] : rows_)
      if (name.ends_with(end) && fits_pattern(row->tensors, name)) return row;
    return nullptr;
  }

 private:
  std::vector<std::pair<std::string_view, IgnoredTensors*>> rows_;
};

class Ledger {
 public:
  Ledger(ModelSpec& spec, const Model& model)
      : spec_(spec), model_(model), tensors_(model.tensors()), claims_(tensors_.size()) {}

  void claim_all() {
    std::vector<Missing> missing;
    for (auto& entry : spec_.parts) {
      entry.second.parameters = 0;
      Claiming claiming(*this, entry, missing);
      walk(entry.second.blueprint.value(), claiming);
      if (claiming.has_ties) release_shared(entry);
    }
    if (!missing.empty())
      disagree(fmt::format("{}{}{}", missing.front().fault,
                           missing.size() > 1 ? fmt::format(" ({} more are missing)", missing.size() - 1) : "",
                           did_you_mean(missing.front().tensor, unclaimed())));
  }

  void check_ties() const {
    for (const auto& [name, role] : tied_) {
      const auto& owners = claims_of(*model_.find(role.ref->tensor));
      if (owners.empty() || owners.front().name() != role.owner)
        throw Error(Errc::kInternal, fmt::format("part '{}' is tied to '{}', which does not own tensor '{}'", *name,
                                                 role.owner, role.ref->tensor));
    }
  }

  void check_coverage() const {
    for (const auto& tensor : tensors_)
      require_disjoint_and_whole(tensor, claims_of(tensor));
  }

  void settle_the_rest() {
    for (auto& row : spec_.ignored) row.count = 0;
    const IgnoredRows rows(spec_.ignored);
    std::vector<const TensorInfo*> left;
    for (const auto& tensor : tensors_) {
      const auto& owners = claims_of(tensor);
      auto* row = rows.find(tensor.name);
      if (row && !owners.empty())
        throw Error(Errc::kInternal, fmt::format("tensor '{}' is claimed by {} and ignored as '{}'", tensor.name,
                                                 owners.front().name(), row->tensors));
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
    totals.reserve(spec_.parts.size());
    totals_.reserve(spec_.parts.size());
    std::int64_t all = 0;  // which a reader of the spec may want
    for (const auto& [name, part] : spec_.parts) add(all, totals.emplace_back(with_children(part)), name);
    auto total = totals.begin();
    for (auto& [name, part] : spec_.parts) part.parameters = *total++;
    count_dtypes();
  }

 private:
  struct Missing {
    std::string tensor, fault;
  };
  struct Tied {
    const std::string* part;
    TensorRole role;
  };

  struct Claiming : BlueprintVisitor {
    Claiming(Ledger& ledger, PartTable::value_type& entry, std::vector<Missing>& missing)
        : ledger(ledger), entry(entry), missing(missing) {}
    Ledger& ledger;
    PartTable::value_type& entry;
    std::vector<Missing>& missing;
    bool has_ties = false;  // some of its tensors are other parts'

    void tensor(const BlueprintPath& at, const TensorRef& ref, const TensorShape& shape) {
      ledger.claim(entry, at, ref, shape, missing);
    }
    void part(const BlueprintPath&, const std::string&, PartRole role) {
      has_ties = has_ties || role == PartRole::owner;
    }
    // Numbers that no training learns are no parameters.
    template <class T>
    void leave(const BlueprintPath&, const T& value) {
      if constexpr (requires { T::kBuffers; })
        value.each_tensor([&](std::string_view role, const TensorRef& ref, const TensorShape& shape) {
          if (std::find(T::kBuffers.begin(), T::kBuffers.end(), role) != T::kBuffers.end())
            entry.second.parameters -= ledger.claimed(ref, shape);
        });
    }
  };

  // How many numbers; of a tensor that is missing none.
  std::int64_t claimed(const TensorRef& ref, const TensorShape& shape) const {
    return model_.find(ref.tensor) ? TensorInfo{"", DType::kF32, shape}.elements() : 0;
  }

  void claim(PartTable::value_type& entry, const BlueprintPath& at, const TensorRef& ref, const TensorShape& shape,
             std::vector<Missing>& missing) {
    auto& [name, part] = entry;
    const auto* tensor = model_.find(ref.tensor);
    if (!tensor) {
      missing.push_back({ref.tensor, fmt::format("tensor '{}' is missing: {} needs it, {}, as its {}", ref.tensor, name,
                                                 shape_text(shape), at.text())});
      return;
    }
    const auto view = viewed(*tensor, name, ref.view, shape, [&] { return at.text(); });
    claims_of(*tensor).push_back({&entry, &ref});
    add(part.parameters, ref.view.empty() ? tensor->elements() : view.elements(), name);
  }

  // What was claimed, and is another part's: of few parts, and so worked out for them alone.
  void release_shared(PartTable::value_type& entry) {
    auto& [name, part] = entry;
    for (auto& role : tensor_roles(part)) {
      const auto* tensor = role.is_shared() ? model_.find(role.ref->tensor) : nullptr;
      if (!tensor) continue;
      auto& claims = claims_of(*tensor);
      claims.erase(std::find_if(claims.begin(), claims.end(), [&](const TensorClaim& claim) { return claim.ref == role.ref; }));
      const auto& view = role.ref->view;
      part.parameters -= view.empty() ? tensor->elements() : see(tensor->shape, view).elements();
      tied_.push_back({&name, std::move(role)});
    }
  }

  void count_dtypes() {
    spec_.dtypes.clear();
    std::string_view last;
    std::int64_t* count = nullptr;  // of the last; most are of one
    for (const auto& tensor : tensors_) {
      const auto name = tensor.encoding.empty() ? to_string(tensor.dtype) : tensor.encoding;
      if (!count || name != last) count = &spec_.dtypes[std::string(name)];
      last = name;
      ++*count;
    }
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
  viewed(tensor, part, role.ref->view, role.shape, [&] { return role.role; });
}

void account(ModelSpec& spec, const Model& model) {
  require_consistent(spec);
  account_consistent(spec, model);
}

void account_consistent(ModelSpec& spec, const Model& model) {
  require_complete(spec);
  Ledger ledger(spec, model);
  ledger.claim_all();
  ledger.check_ties();
  ledger.check_coverage();
  ledger.settle_the_rest();
  ledger.count();
}

}  // namespace garage
