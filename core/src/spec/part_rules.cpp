#include "part_rules.hpp"

#include <algorithm>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/error.hpp>

namespace garage {
namespace {

using Dims = std::span<const std::int64_t>;

bool is_countable(Dims dims) {
  std::int64_t count = 1;
  return std::all_of(dims.begin(), dims.end(), [&](auto dim) {
    return dim >= 0 && !__builtin_mul_overflow(count, dim, &count);
  });
}

// The rules for one part; every message opens with its name.
class PartRules {
 public:
  PartRules(const ModelSpec& spec, const std::string& name, const PartSpec& part)
      : spec_(spec), name_(name), part_(part) {}

  void check() const {
    require(!part_.part_type.empty(), "it has no part_type");
    not_negative("input_dim", part_.input_dim);
    not_negative("output_dim", part_.output_dim);
    not_negative("num_heads", part_.num_heads.value_or(0));
    not_negative("head_dim", part_.head_dim.value_or(0));
    not_negative("intermediate_dim", part_.intermediate_dim.value_or(0));
    not_negative("parameters", part_.parameters);
    if (!part_.blueprint) return;
    if (part_.part_type == part_type::kFullLayer) {
      equal("input_dim", part_.input_dim, "the model's hidden_dim", spec_.hidden_dim);
      equal("output_dim", part_.output_dim, "the model's hidden_dim", spec_.hidden_dim);
    }
    std::visit(*this, *part_.blueprint);
  }

  void operator()(const Linear&) const { countable("weight", {part_.output_dim, part_.input_dim}); }
  void operator()(const Norm&) const {}
  void operator()(const Rope& rope) const { check_rope(rope, part_.input_dim); }
  void operator()(const Attention& attention) const {
    equal("num_heads", part_.num_heads.value_or(0), "heads", attention.heads);
    equal("head_dim", part_.head_dim.value_or(0), "head_dim", attention.head_dim);
    countable("q.weight", {attention.heads, attention.head_dim, part_.input_dim});  // k's and v's are no larger
    countable("o.weight", {attention.heads, attention.head_dim, part_.output_dim});
    if (attention.rope) check_rope(*attention.rope, attention.head_dim);
  }
  void operator()(const FeedForward&) const {
    const auto inner = part_.intermediate_dim.value_or(0);
    require(inner > 0, "it is a feed_forward without intermediate_dim");
    countable("up.weight", {inner, part_.input_dim});
    countable("down.weight", {part_.output_dim, inner});
  }
  void operator()(const Mixture& mixture) const {
    const auto experts = static_cast<std::int64_t>(mixture.experts.size());
    require(mixture.top_k > 0 && mixture.top_k <= experts, "it picks {} of {} experts", mixture.top_k, experts);
    const auto scores = spec_.parts.find(mixture.router)->output_dim;
    require(scores == experts, "its router '{}' scores {} experts, it has {}", mixture.router, scores, experts);
  }
  void operator()(const Embedding&) const { countable("weight", {part_.input_dim, part_.output_dim}); }
  void operator()(const OutputHead&) const { countable("weight", {part_.output_dim, part_.input_dim}); }
  void operator()(const Layer&) const {}
  void operator()(const Custom& custom) const {
    for (const auto& [role, tensor] : custom.tensors) countable(role, tensor.shape);
  }

 private:
  template <class... Args>
  void require(bool holds, fmt::format_string<const Args&...> fault, const Args&... args) const {
    if (!holds) throw Error(Errc::kInternal, fmt::format("part '{}': {}", name_, fmt::format(fault, args...)));
  }
  void not_negative(const char* field, std::int64_t value) const {
    require(value >= 0, "'{}' is {}, should be 0 or more", field, value);
  }
  void equal(const char* a_name, std::int64_t a, const char* b_name, std::int64_t b) const {
    require(a == b, "its {} is {}, {} is {}", a_name, a, b_name, b);
  }
  void countable(std::string_view tensor, Dims dims) const {
    if (is_countable(dims)) return;
    require(false, "its {} has {} numbers, should have from 0 to what 64 bits count", tensor,
            fmt::format("{}", fmt::join(dims, " x ")));
  }
  void countable(std::string_view tensor, std::initializer_list<std::int64_t> dims) const {
    countable(tensor, Dims(dims.begin(), dims.size()));
  }

  void check_rope(const Rope& rope, std::int64_t head_dim) const {
    require(rope.dims <= head_dim, "its rope turns {} of {} dimensions", rope.dims, head_dim);
  }

  const ModelSpec& spec_;
  const std::string& name_;
  const PartSpec& part_;
};

}  // namespace

void require_part_rules(const ModelSpec& spec, const std::string& name, const PartSpec& part) {
  PartRules(spec, name, part).check();
}

}  // namespace garage
