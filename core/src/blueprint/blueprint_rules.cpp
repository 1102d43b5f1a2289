#include "blueprint_rules.hpp"

#include <string_view>

#include <fmt/format.h>

namespace garage {
namespace {

// `at` is where the struct lies in its blueprint: "q_norm.", or "" for the blueprint itself.
class BlueprintRules {
 public:
  std::optional<std::string> take() { return std::move(fault_); }

  void operator()(const Linear& linear) { check("", linear); }
  void operator()(const Norm& norm) { check("", norm); }
  void operator()(const Rope& rope) { check("", rope); }
  void operator()(const Attention& attention) {
    positive("", "heads", attention.heads);
    positive("", "kv_heads", attention.kv_heads);
    positive("", "head_dim", attention.head_dim);
    positive("", "scale", attention.scale);
    if (!fault_ && attention.heads % attention.kv_heads != 0)
      fault("{} heads cannot share {} kv_heads evenly", attention.heads, attention.kv_heads);
    check("q.", attention.q);
    check("k.", attention.k);
    check("v.", attention.v);
    check("o.", attention.o);
    if (attention.q_norm) check("q_norm.", *attention.q_norm);
    if (attention.k_norm) check("k_norm.", *attention.k_norm);
    if (attention.rope) check("rope.", *attention.rope);
    if (attention.window) above_0("", "window", *attention.window);
    if (attention.softcap) above_0("", "softcap", *attention.softcap);
  }
  void operator()(const FeedForward& ffn) {
    named("", "activation", ffn.activation);
    if (ffn.gate) check("gate.", *ffn.gate);
    check("up.", ffn.up);
    check("down.", ffn.down);
  }
  void operator()(const Mixture& mixture) {
    named("", "router", mixture.router);
    if (mixture.experts.empty()) fault("has no 'experts'");
    positive("", "top_k", mixture.top_k);
    if (mixture.scoring == Scoring::sparsemixer && !mixture.jitter) fault("scores by sparsemixer and has no 'jitter'");
    if (mixture.shared_expert_gate) check("shared_expert_gate.", *mixture.shared_expert_gate);
    if (mixture.shared_expert_gate && !mixture.shared_expert) fault("has a shared_expert_gate and no 'shared_expert'");
  }
  void operator()(const Embedding& embedding) { check("weight.", embedding.weight); }
  void operator()(const OutputHead& head) {
    check("projection.", head.projection);
    if (head.softcap) above_0("", "softcap", *head.softcap);
  }
  void operator()(const Layer& layer) {
    named("", "attention_norm", layer.attention_norm);
    named("", "attention", layer.attention);
    // To read past one would be to compute another layer.
    const bool sandwich = layer.join == LayerJoin::sandwich;
    if (layer.attention_post_norm.has_value() != sandwich) post_norm(sandwich, "attention_post_norm");
    if (layer.feed_forward_post_norm.has_value() != sandwich) post_norm(sandwich, "feed_forward_post_norm");
    if (layer.feed_forward_norm && !layer.feed_forward) fault("has a feed_forward_norm and no 'feed_forward'");
    if (layer.feed_forward && !layer.feed_forward_norm && layer.join != LayerJoin::parallel)
      fault("has a feed_forward and no 'feed_forward_norm', as only a parallel layer may");
    if (!layer.feed_forward && layer.join != LayerJoin::sequential) fault("has no 'feed_forward' to join");
  }
  void operator()(const Custom& custom) {
    for (const auto& [role, tensor] : custom.tensors) {
      if (tensor.ref.tensor.empty()) fault("has no 'tensors.{}.ref.tensor'", role);
    }
  }

 private:
  template <class... Args>
  void fault(fmt::format_string<const Args&...> words, const Args&... args) {
    if (!fault_) fault_ = fmt::format(words, args...);
  }
  template <class Number>
  void above_0(std::string_view at, std::string_view member, Number value) {
    if (!(value > 0)) fault("has {}{} {}, should be above 0", at, member, value);
  }
  // Of a member whose default is 0.
  template <class Number>
  void positive(std::string_view at, std::string_view member, Number value) {
    if (value == 0) fault("has no '{}{}'", at, member);
    above_0(at, member, value);
  }
  void named(std::string_view at, std::string_view member, const std::string& name) {
    if (name.empty()) fault("has no '{}{}'", at, member);
  }
  void post_norm(bool sandwich, std::string_view member) {
    if (sandwich) fault("is a sandwich and has no '{}'", member);
    else fault("has '{}', as only a sandwich may", member);
  }

  void check(std::string_view at, const TensorRef& ref) { named(at, "tensor", ref.tensor); }
  void check(std::string_view at, const Linear& linear) {
    named(at, "weight.tensor", linear.weight.tensor);
    if (linear.bias) named(at, "bias.tensor", linear.bias->tensor);
  }
  void check(std::string_view at, const Norm& norm) {
    positive(at, "eps", norm.eps);
    if (norm.weight) named(at, "weight.tensor", norm.weight->tensor);
    if (norm.bias) named(at, "bias.tensor", norm.bias->tensor);
  }
  void check(std::string_view at, const Rope& rope) {
    positive(at, "theta", rope.theta);
    positive(at, "dims", rope.dims);
    if (rope.dims % 2 != 0) fault("has {}dims {}, should be even", at, rope.dims);
    check(at, rope.scaling, rope.dims);
  }

  // What each kind computes with: transformers' modeling_rope_utils.
  void check(std::string_view at, const RopeScaling& scaling, std::int64_t dims) {
    using Kind = RopeScalingKind;
    const auto kind = scaling.kind;
    if (kind == Kind::none) return;
    const auto needs = [&](std::string_view member, const auto& value) {
      if (!value) fault("has no '{}{}', which {} needs", at, member, boost::describe::enum_to_string(kind, ""));
      else above_0(at, member, *value);
    };
    if (kind != Kind::longrope) needs("scaling.factor", scaling.factor);
    if (kind != Kind::linear)
      needs("scaling.original_max_position_embeddings", scaling.original_max_position_embeddings);
    if (kind == Kind::llama3) {
      needs("scaling.low_freq_factor", scaling.low_freq_factor);
      needs("scaling.high_freq_factor", scaling.high_freq_factor);
    }
    if (kind == Kind::yarn) {
      needs("scaling.attention_factor", scaling.attention_factor);
      needs("scaling.beta_fast", scaling.beta_fast);
      needs("scaling.beta_slow", scaling.beta_slow);
    }
    if (kind == Kind::longrope) check_longrope(at, scaling, dims);
  }
  void check_longrope(std::string_view at, const RopeScaling& scaling, std::int64_t dims) {
    if (!scaling.attention_factor && !(scaling.short_mscale && scaling.long_mscale))
      fault("has no '{0}scaling.attention_factor', and not both {0}scaling.short_mscale and long_mscale", at);
    const auto is_whole = [&](std::string_view member, const std::vector<double>& list) {
      if (list.empty()) fault("has no '{}scaling.{}'", at, member);
      if (static_cast<std::int64_t>(list.size()) != dims / 2)
        fault("has {} numbers in {}scaling.{}, should be {}", list.size(), at, member, dims / 2);
    };
    is_whole("short_factor", scaling.short_factor);
    is_whole("long_factor", scaling.long_factor);
  }

  std::optional<std::string> fault_;
};

}  // namespace

std::optional<std::string> blueprint_fault(const Blueprint& blueprint) {
  BlueprintRules rules;
  std::visit([&](const auto& op) { rules(op); }, blueprint);
  return rules.take();
}

}  // namespace garage
