#include "rules.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/error.hpp>

#include "../part_tree.hpp"
#include "references.hpp"

namespace garage::edition1 {
namespace {

using Entry = PartTable::value_type;  // a part and its name

template <class... Args>
[[noreturn]] void fail(const std::string& part, fmt::format_string<const Args&...> fault, const Args&... args) {
  throw Error(Errc::kInternal, fmt::format("part '{}': {}", part, fmt::format(fault, args...)));
}

// "feed_forward, mixture or custom"
std::string op_names(OpSet ops) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < kOps.size(); ++i)
    if (ops >> i & 1) names.emplace_back(kOps[i]);
  const std::string last(names.back());
  names.pop_back();
  return names.empty() ? last : fmt::format("{} or {}", fmt::join(names, ", "), last);
}

// What a part says by itself, and edition 2 says in another place or cannot say.
class PartRules {
 public:
  explicit PartRules(const Entry& entry) : name_(entry.first), part_(entry.second) {}

  void check() const {
    not_negative("input_dim", part_.input_dim);
    not_negative("output_dim", part_.output_dim);
    not_negative("num_heads", part_.num_heads.value_or(0));
    not_negative("head_dim", part_.head_dim.value_or(0));
    not_negative("intermediate_dim", part_.intermediate_dim.value_or(0));
    if (part_.blueprint) std::visit([&](const auto& op) { check(op); }, *part_.blueprint);
  }

 private:
  template <class Op>
  void check(const Op&) const {}

  // Edition 2 says dims alone.
  void check(const Rope& rope) const {
    require(rope.dims <= part_.input_dim, "its rope turns {} of {} dimensions", rope.dims, part_.input_dim);
  }
  void check(const Attention& attention) const {
    has("heads", attention.heads != 0);
    has("kv_heads", attention.kv_heads != 0);
    has("head_dim", attention.head_dim != 0);
    equal("num_heads", part_.num_heads.value_or(0), "heads", attention.heads);
    equal("head_dim", part_.head_dim.value_or(0), "head_dim", attention.head_dim);
    std::int64_t rows = 0;
    require(attention.heads > 0 && !__builtin_mul_overflow(attention.heads, attention.head_dim, &rows),
            "its q.weight has {} x {} x {} numbers, should have from 0 to what 64 bits count", attention.heads,
            attention.head_dim, part_.input_dim);
  }
  void check(const FeedForward&) const {
    require(part_.intermediate_dim.value_or(0) > 0, "it is a feed_forward without intermediate_dim");
  }
  void check(const Mixture& mixture) const {
    const auto experts = static_cast<std::int64_t>(mixture.experts.size());
    has("router", !mixture.router.empty());
    has("experts", experts > 0);
    has("top_k", mixture.top_k != 0);
    require(mixture.top_k > 0 && mixture.top_k <= experts, "it picks {} of {} experts", mixture.top_k, experts);
    require(mixture.scoring != Scoring::sparsemixer || mixture.jitter,
            "its blueprint scores by sparsemixer and has no 'jitter'");
  }
  // To read past one would be to compute another layer.
  void check(const Layer& layer) const {
    has("attention_norm", !layer.attention_norm.empty());
    has("attention", !layer.attention.empty());
    const bool sandwich = layer.join == LayerJoin::sandwich;
    post_norm(sandwich, "attention_post_norm", layer.attention_post_norm.has_value());
    post_norm(sandwich, "feed_forward_post_norm", layer.feed_forward_post_norm.has_value());
    require(layer.feed_forward || !layer.feed_forward_norm,
            "its blueprint has a feed_forward_norm and no 'feed_forward'");
    require(!layer.feed_forward || layer.feed_forward_norm || layer.join == LayerJoin::parallel,
            "its blueprint has a feed_forward and no 'feed_forward_norm', as only a parallel layer may");
    require(layer.feed_forward || layer.join == LayerJoin::sequential, "its blueprint has no 'feed_forward' to join");
  }

  void post_norm(bool sandwich, std::string_view member, bool is_there) const {
    require(is_there || !sandwich, "its blueprint is a sandwich and has no '{}'", member);
    require(!is_there || sandwich, "its blueprint has '{}', as only a sandwich may", member);
  }
  void not_negative(const char* field, std::int64_t value) const {
    require(value >= 0, "'{}' is {}, should be 0 or more", field, value);
  }
  void has(std::string_view member, bool is_there) const { require(is_there, "its blueprint has no '{}'", member); }
  void equal(const char* a_name, std::int64_t a, const char* b_name, std::int64_t b) const {
    require(a == b, "its {} is {}, {} is {}", a_name, a, b_name, b);
  }
  template <class... Args>
  void require(bool holds, fmt::format_string<const Args&...> fault, const Args&... args) const {
    if (!holds) fail(name_, fault, args...);
  }

  const std::string& name_;
  const PartSpec& part_;
};

// The parts as what they are made of.
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
    const Entry* holder;    // null: the assembly
    bool is_named = false;  // by its holder's blueprint
  };

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
    each_reference(*entry.second.blueprint, [&](const PartReference& reference) {
      const auto& part = named(entry, reference.role, reference.part);
      check_op(entry, reference, part);
      if (reference.is_held) claim(entry, reference, part);
    });
    if (std::holds_alternative<Custom>(*entry.second.blueprint)) return;
    for (const auto& child : entry.second.children)
      if (!places_.at(spec_.parts.find(child)).is_named)
        fail(entry.first, "its child '{}' should be named by its blueprint, of op {}", child,
             op_name(*entry.second.blueprint));
  }

  void claim(const Entry& entry, const PartReference& reference, const PartSpec& part) {
    const auto place = places_.find(&part);
    if (place == places_.end() || place->second.holder != &entry)
      fail(entry.first, "its {} '{}' should be among its children", reference.role, reference.part);
    if (place->second.is_named) fail(entry.first, "its blueprint names '{}' twice", reference.part);
    place->second.is_named = true;
  }

  static void check_op(const Entry& entry, const PartReference& reference, const PartSpec& part) {
    if (part.blueprint && (op_of(*part.blueprint) & reference.ops)) return;
    fail(entry.first, "its {} '{}' is of op {}, should be {}", reference.role, reference.part,
         part.blueprint ? op_name(*part.blueprint) : "none", op_names(reference.ops));
  }

  const ModelSpec& spec_;
  boost::unordered_flat_map<const PartSpec*, Place> places_;  // of the parts that have one
};

}  // namespace

void require_rules(const ModelSpec& spec) {
  for (const auto& entry : spec.parts) PartRules(entry).check();
  Tree(spec).check();
}

}  // namespace garage::edition1
