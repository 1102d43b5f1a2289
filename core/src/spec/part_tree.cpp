#include "part_tree.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/error.hpp>

#include "../blueprint/blueprint_ops.hpp"
#include "../blueprint/part_references.hpp"

namespace garage {
namespace {

using Entry = PartTable::value_type;  // a part and its name

// "feed_forward, mixture or custom"
std::string op_names(OpSet ops) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < std::size(kBlueprintOps); ++i)
    if (ops >> i & 1) names.emplace_back(kBlueprintOps[i]);
  const std::string last(names.back());
  names.pop_back();
  return names.empty() ? last : fmt::format("{} or {}", fmt::join(names, ", "), last);
}

class Tree {
 public:
  explicit Tree(const ModelSpec& spec) : spec_(spec) { places_.reserve(spec.parts.size()); }

  void check() {
    for (const auto& entry : spec_.parts)
      for (const auto& child : entry.second.children) put(child, named(entry, "child", child), &entry);
    for (const auto& entry : spec_.parts)
      if (!entry.second.children.empty()) check_depth(entry);
    for (const auto& name : spec_.assembly) put(name, assembled(name), nullptr);
    for (const auto& entry : spec_.parts)
      if (entry.second.blueprint) check_references(entry);
  }

 private:
  struct Place {
    const Entry* holder;     // null: the assembly
    bool is_named = false;  // by its holder's blueprint
  };

  template <class... Args>
  [[noreturn]] static void fail(const std::string& part, fmt::format_string<const Args&...> fault, const Args&... args) {
    throw Error(Errc::kInternal, fmt::format("part '{}': {}", part, fmt::format(fault, args...)));
  }

  const PartSpec& named(const Entry& by, const char* role, const std::string& name) const {
    const auto* part = spec_.parts.find(name);
    if (!part) fail(by.first, "its {} names part '{}', which does not exist", role, name);
    return *part;
  }

  const PartSpec& assembled(const std::string& name) const {
    if (const auto* part = spec_.parts.find(name)) return *part;
    throw Error(Errc::kInternal, fmt::format("the assembly names part '{}', which does not exist", name));
  }

  void put(const std::string& name, const PartSpec& part, const Entry* holder) {
    const auto [at, fresh] = places_.emplace(&part, Place{holder});
    if (fresh) return;
    const auto text = [](const Entry* entry) { return entry ? "part '" + entry->first + "'" : "the assembly"; };
    fail(name, "it stands in {} and in {}, should have one place", text(at->second.holder), text(holder));
  }

  // Only what holds others can be in a loop, and of those there are few.
  void check_depth(const Entry& entry) const {
    const auto* above = holder_of(entry);
    for (int depth = 2; above; ++depth, above = holder_of(*above))  // with its children
      if (depth == kMaxPartDepth) break;
    if (!above) return;
    for (std::size_t i = 0; above && above != &entry && i < places_.size(); ++i) above = holder_of(*above);
    if (above) fail(above->first, "it is part of itself: its children lead back to it");
    fail(entry.first, "more than {} parts lie within one another", kMaxPartDepth);
  }

  const Entry* holder_of(const Entry& entry) const {
    const auto place = places_.find(&entry.second);
    return place == places_.end() ? nullptr : place->second.holder;
  }

  void check_references(const Entry& entry) {
    const auto& children = entry.second.children;
    const auto& blueprint = *entry.second.blueprint;
    std::size_t held = 0;
    each_reference(blueprint, [&](const PartReference& reference) {
      const auto& part = named(entry, reference.role, reference.part);
      check_op(entry, reference, part);
      if (!reference.is_held) return;
      const auto place = places_.find(&part);
      if (place == places_.end() || place->second.holder != &entry)
        fail(entry.first, "its {} '{}' should be among its children", reference.role, reference.part);
      if (place->second.is_named) fail(entry.first, "its blueprint names '{}' twice", reference.part);
      place->second.is_named = true;
      ++held;
    });
    if (held == children.size() || std::holds_alternative<Custom>(blueprint)) return;
    for (const auto& child : children)
      if (!places_.at(spec_.parts.find(child)).is_named)
        fail(entry.first, "its child '{}' should be named by its blueprint, of op {}", child,
             kBlueprintOps[blueprint.index()]);
  }

  static void check_op(const Entry& entry, const PartReference& reference, const PartSpec& part) {
    if (part.blueprint && (op_of(*part.blueprint) & reference.ops)) return;
    fail(entry.first, "its {} '{}' is of op {}, should be {}", reference.role, reference.part,
         part.blueprint ? kBlueprintOps[part.blueprint->index()] : "none", op_names(reference.ops));
  }

  const ModelSpec& spec_;
  boost::unordered_flat_map<const PartSpec*, Place> places_;  // of the parts that have one
};

}  // namespace

void require_part_tree(const ModelSpec& spec) { Tree(spec).check(); }

}  // namespace garage
