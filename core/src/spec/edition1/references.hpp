// The parts that a blueprint of edition 1 names: as what, and of which ops each may be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/mp11/algorithm.hpp>

#include "blueprint.hpp"

namespace garage::edition1 {

using OpSet = std::uint32_t;  // a bit an op, in the order of the variant

template <class... Ops>
inline constexpr OpSet kOneOf = ((OpSet{1} << boost::mp11::mp_find<Blueprint, Ops>::value) | ...);

inline OpSet op_of(const Blueprint& blueprint) { return OpSet{1} << blueprint.index(); }

struct PartReference {
  const char* role;         // "attention_norm", "expert", ...
  const std::string& part;  // its name
  OpSet ops;
  bool is_held = true;  // a part of the one that names it; false: it has its place elsewhere
};

// In the order of the blueprint's members.
template <class Visit>
void each_reference(const Blueprint& blueprint, Visit visit) {
  const auto maybe = [&](const char* role, const std::optional<std::string>& part, OpSet ops, bool is_held = true) {
    if (part) visit(PartReference{role, *part, ops, is_held});
  };
  constexpr auto kNorms = kOneOf<Norm, Custom>;
  if (const auto* layer = std::get_if<Layer>(&blueprint)) {
    visit(PartReference{"attention_norm", layer->attention_norm, kNorms});
    visit(PartReference{"attention", layer->attention, kOneOf<Attention, Custom>});
    maybe("attention_post_norm", layer->attention_post_norm, kNorms);
    maybe("feed_forward_norm", layer->feed_forward_norm, kNorms);
    maybe("feed_forward", layer->feed_forward, kOneOf<FeedForward, Mixture, Custom>);
    maybe("feed_forward_post_norm", layer->feed_forward_post_norm, kNorms);
  } else if (const auto* mixture = std::get_if<Mixture>(&blueprint)) {
    visit(PartReference{"router", mixture->router, kOneOf<Linear>});
    for (const auto& expert : mixture->experts) visit(PartReference{"expert", expert, kOneOf<FeedForward>});
    maybe("shared_expert", mixture->shared_expert, kOneOf<FeedForward>);
  } else if (const auto* head = std::get_if<OutputHead>(&blueprint)) {
    maybe("tied_to", head->tied_to, kOneOf<Embedding, Custom>, false);
  }
}

}  // namespace garage::edition1
