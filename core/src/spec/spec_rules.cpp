#include "spec_rules.hpp"

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

// The rules for one part; every message opens with its name.
class PartRules {
 public:
  PartRules(const ModelSpec& spec, const std::string& name, const PartSpec& part)
      : spec_(spec), name_(name), part_(part) {}

  void operator()(const Linear&) const {}
  void operator()(const Norm& norm) const { require(norm.eps >= 0, "its norm has eps {}", norm.eps); }
  void operator()(const Rope& rope) const { check(rope, part_.input_dim); }
  void operator()(const Attention& attention) const {
    equal("num_heads", part_.num_heads.value_or(0), "heads", attention.heads);
    equal("head_dim", part_.head_dim.value_or(0), "head_dim", attention.head_dim);
    require(attention.heads > 0 && attention.kv_heads > 0 && attention.heads % attention.kv_heads == 0,
            "{} heads cannot share {} kv_heads evenly", attention.heads, attention.kv_heads);
    require(attention.head_dim > 0, "its head_dim is {}", attention.head_dim);
    if (attention.window) require(*attention.window > 0, "its window is {}", *attention.window);
    if (attention.rope) check(*attention.rope, attention.head_dim);
  }
  void operator()(const FeedForward& ffn) const {
    require(part_.intermediate_dim.value_or(0) > 0, "it is a feed_forward without intermediate_dim");
    require(!ffn.activation.empty(), "it has no activation");
  }
  void operator()(const Mixture& mixture) const {
    exists(mixture.router);
    for (const auto& expert : mixture.experts) exists(expert);
    if (mixture.shared_expert) exists(*mixture.shared_expert);
    require(mixture.top_k > 0 && mixture.top_k <= static_cast<std::int64_t>(mixture.experts.size()),
            "it picks {} of {} experts", mixture.top_k, mixture.experts.size());
  }
  void operator()(const Embedding&) const {}
  void operator()(const OutputHead& head) const {
    if (head.tied_to) exists(*head.tied_to);
  }
  void operator()(const Layer& layer) const {
    for (const auto* name : {&layer.attention_norm, &layer.attention}) exists(*name);
    for (const auto* name :
         {&layer.attention_post_norm, &layer.feed_forward_norm, &layer.feed_forward, &layer.feed_forward_post_norm})
      if (*name) exists(**name);
    require(layer.feed_forward || layer.join == LayerJoin::sequential, "it has no feed_forward to join");
  }
  void operator()(const Custom&) const {}

  void check_part() const {
    require(part_.blueprint.has_value(), "it has no blueprint");
    require(!part_.part_type.empty(), "it has no part_type");
    require(part_.input_dim >= 0 && part_.output_dim >= 0, "its dimensions are {} and {}", part_.input_dim,
            part_.output_dim);
    for (const auto& child : part_.children) exists(child);
    if (part_.part_type == part_type::kFullLayer) {
      equal("input_dim", part_.input_dim, "the model's hidden_dim", spec_.hidden_dim);
      equal("output_dim", part_.output_dim, "the model's hidden_dim", spec_.hidden_dim);
    }
    std::visit(*this, *part_.blueprint);
  }

 private:
  template <class... Args>
  void require(bool holds, fmt::format_string<const Args&...> fault, const Args&... args) const {
    if (!holds) throw Error(Errc::kInternal, fmt::format("part '{}': {}", name_, fmt::format(fault, args...)));
  }
  void equal(const char* a_name, std::int64_t a, const char* b_name, std::int64_t b) const {
    require(a == b, "its {} is {}, {} is {}", a_name, a, b_name, b);
  }
  void exists(const std::string& other) const {
    require(other != name_ && spec_.parts.find(other), "it names part '{}', which does not exist", other);
  }
  void check(const Rope& rope, std::int64_t head_dim) const {
    require(rope.dims > 0 && rope.dims % 2 == 0 && rope.dims <= head_dim, "its rope turns {} of {} dimensions",
            rope.dims, head_dim);
    require(rope.theta > 0, "its rope has theta {}", rope.theta);
  }

  const ModelSpec& spec_;
  const std::string& name_;
  const PartSpec& part_;
};

}  // namespace

void require_consistent(const ModelSpec& spec) {
  std::int64_t layers = 0;
  for (const auto& [name, part] : spec.parts) {
    PartRules(spec, name, part).check_part();
    layers += part.part_type == part_type::kFullLayer;
  }
  const auto fail = [](const std::string& fault) { throw Error(Errc::kInternal, "the spec " + fault); };
  if (spec.family.empty()) fail("has no family");
  if (layers != spec.num_layers)
    fail(fmt::format("says num_layers {} and has {} full_layer parts", spec.num_layers, layers));
  for (const auto& name : spec.assembly)
    if (!spec.parts.find(name)) fail(fmt::format("has '{}' in its assembly, which is no part of it", name));
}

}  // namespace garage
