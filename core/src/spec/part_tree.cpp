#include "part_tree.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/blueprint/walk.hpp>
#include <garage/error.hpp>

#include "../blueprint/blueprint_ops.hpp"

namespace garage {
namespace {

using Entry = PartTable::value_type;  // a part and its name

template <class... Args>
[[noreturn]] void fail(const std::string& part, fmt::format_string<const Args&...> fault, const Args&... args) {
  throw Error(Errc::kInternal, fmt::format("part '{}': {}", part, fmt::format(fault, args...)));
}

// "feed_forward, mixture or custom"
std::string names_of_ops(PartRole role) {
  auto names = ops_that_serve_as(role);
  const std::string last(names.back());
  names.pop_back();
  return names.empty() ? last : fmt::format("{} or {}", fmt::join(names, ", "), last);
}

// Of what a layer names, the stage: "stages.1.branches.0.norm" lies in 1.
std::size_t stage_of(const BlueprintPath& at) {
  for (const auto* step = &at; step; step = step->above)
    if (step->step == "branches") return step->above->index;
  return BlueprintPath::kNone;
}

class Tree {
 public:
  explicit Tree(const ModelSpec& spec) : spec_(spec) { places_.reserve(spec.parts.size()); }

  void check() {
    for (const auto& entry : spec_.parts)
      if (entry.second.blueprint) walk(*entry.second.blueprint, References{*this, entry});
    for (const auto* holder : holders_) check_depth(*holder);
    if (!spec_.root.empty()) check_root();
  }

 private:
  struct Place {
    const Entry* holder;
    PartRole role;
    std::size_t stage;  // of a layer
  };

  struct References : BlueprintVisitor {
    References(Tree& tree, const Entry& by) : tree(tree), by(by) {}
    Tree& tree;
    const Entry& by;

    void part(const BlueprintPath& at, const std::string& name, PartRole role) { tree.refer(by, at, name, role); }
  };

  void refer(const Entry& by, const BlueprintPath& at, const std::string& name, PartRole role) {
    const auto* part = spec_.parts.find(name);
    if (!part) fail(by.first, "its {} names part '{}', which does not exist", at.text(), name);
    if (!part->blueprint || !may_stand_as(*part->blueprint, role))
      fail(by.first, "its {} '{}' is of op {}, should be {}", at.text(), name,
           part->blueprint ? op_name(*part->blueprint) : "none", names_of_ops(role));
    if (!is_held(role)) return;
    if (holders_.empty() || holders_.back() != &by) holders_.push_back(&by);
    // Of what the stage reads: a post_norm and an after scale something else.
    const bool may_be_shared = role == PartRole::norm && at.step == "norm";
    const auto stage = may_be_shared ? stage_of(at) : BlueprintPath::kNone;
    const auto [place, fresh] = places_.emplace(part, Place{&by, role, stage});
    if (fresh) return;
    const auto& [holder, known_role, known_stage] = place->second;
    if (holder != &by)
      fail(name, "it stands in part '{}' and in part '{}', should have one place", holder->first, by.first);
    const bool again = role == PartRole::step;
    const bool shared = role == PartRole::norm && stage == known_stage && stage != BlueprintPath::kNone;
    if (role != known_role || !(again || shared)) fail(by.first, "its blueprint names '{}' twice", name);
  }

  // Only what holds others can be in a loop, and of those there are few.
  void check_depth(const Entry& entry) const {
    const auto* above = holder_of(entry);
    for (int depth = 2; above; ++depth, above = holder_of(*above))  // with what it holds
      if (depth == kMaxPartDepth) break;
    if (!above) return;
    for (std::size_t i = 0; above && above != &entry && i < places_.size(); ++i) above = holder_of(*above);
    if (above) fail(above->first, "it is part of itself: what it is made of leads back to it");
    fail(entry.first, "more than {} parts lie within one another", kMaxPartDepth);
  }

  void check_root() const {
    const auto* root = spec_.parts.find(spec_.root);
    if (!root) throw Error(Errc::kInternal, fmt::format("the root is part '{}', which does not exist", spec_.root));
    if (const auto place = places_.find(root); place != places_.end())
      fail(spec_.root, "it is the root and stands in part '{}'", place->second.holder->first);
  }

  const Entry* holder_of(const Entry& entry) const {
    const auto place = places_.find(&entry.second);
    return place == places_.end() ? nullptr : place->second.holder;
  }

  const ModelSpec& spec_;
  std::vector<const Entry*> holders_;
  boost::unordered_flat_map<const PartSpec*, Place> places_;  // of the parts that lie in others
};

}  // namespace

void require_part_tree(const ModelSpec& spec) { Tree(spec).check(); }

}  // namespace garage
