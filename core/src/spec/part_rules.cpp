#include "part_rules.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/children.hpp>
#include <garage/error.hpp>

namespace garage {
namespace {

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
    // A layer of a plugin's own code may carry several streams side by side.
    const bool is_custom = std::holds_alternative<Custom>(*part_.blueprint);
    if (part_.part_type == part_type::kFullLayer && part_.layer_idx && is_of_main_stack() && !is_custom) {
      equal("input_dim", part_.input_dim, "the model's hidden_dim", spec_.hidden_dim);
      equal("output_dim", part_.output_dim, "the model's hidden_dim", spec_.hidden_dim);
    }
    std::visit(
        [&](const auto& op) {
          if constexpr (requires { op.input(); }) {
            equal("input_dim", part_.input_dim, "that of its blueprint", op.input());
            equal("output_dim", part_.output_dim, "that of its blueprint", op.output());
          }
          check_own(op);
        },
        *part_.blueprint);
  }

 private:
  template <class Op>
  void check_own(const Op&) const {}

  void check_own(const Attention& attention) const {
    equal("num_heads", part_.num_heads.value_or(0), "heads", attention.heads);
    equal("head_dim", part_.head_dim.value_or(0), "qk_dim", attention.qk_dim);
    if (attention.keys_of) looks_at(attention, attention.keys_of->part);
  }
  void looks_at(const Attention& attention, const std::string& name) const {
    const auto* source = std::get_if<Attention>(&*part(name).blueprint);  // what else may be one says nothing of heads
    require(source && source->is_source.value_or(false),
            "it looks at the keys and values of '{}', which does not say is_source", name);
    require(source->kv_heads == attention.kv_heads && source->qk_dim == attention.qk_dim &&
                source->v_dim == attention.v_dim,
            "it looks at the keys and values of '{}', which are {} heads of {} and {}, should be {} of {} and {}", name,
            source->kv_heads, source->qk_dim, source->v_dim, attention.kv_heads, attention.qk_dim, attention.v_dim);
  }
  void check_own(const FeedForward& ffn) const {
    equal("intermediate_dim", part_.intermediate_dim.value_or(0), "up.out", ffn.up.out);
  }
  void check_own(const Mixture& mixture) const {
    const auto experts = static_cast<std::int64_t>(mixture.experts.size());
    const auto scores = part(mixture.router.part).output_dim;
    takes(mixture.router.part, part_.input_dim);
    if (mixture.shared_expert_gate)
      equal("shared_expert_gate.in", mixture.shared_expert_gate->in, "input_dim", part_.input_dim);
    require(scores == experts, "its router '{}' scores {} experts, it has {}", mixture.router.part, scores, experts);
    if (mixture.down) {
      equal("down.in", mixture.down->in, "input_dim", part_.input_dim);
      equal("up.out", mixture.up->out, "output_dim", part_.output_dim);
    }
    for (const auto& expert : mixture.experts) {
      takes(expert.part, mixture.down ? mixture.down->out : part_.input_dim);
      gives(expert.part, mixture.up ? mixture.up->in : part_.output_dim);
    }
    if (mixture.norm) carries(mixture.norm->part);
    if (mixture.shared_expert) carries(mixture.shared_expert->part);
  }
  void check_own(const Layer& layer) const {
    for (const auto& stage : layer.stages) {
      for (const auto& branch : stage.branches) {
        for (const auto& norm : {branch.norm, branch.post_norm})
          if (norm) carries(norm->part);
        carries(branch.op.part);
      }
      for (const auto& norm : {stage.sum_norm, stage.after})
        if (norm) carries(norm->part);
    }
  }
  void check_own(const Stack& stack) const {
    for (const auto& embedding : stack.embeddings) gives(embedding.part, stack.hidden);
    auto width = stack.hidden;
    for (const auto& step : stack.parts) {
      takes(step.part, width);
      width = part(step.part).output_dim;
    }
    gives_out(width);
    if (stack.embeddings.empty())
      require(part_.input_dim == stack.hidden, "it has no 'embeddings', and its input_dim is {}, should be {} (hidden)",
              part_.input_dim, stack.hidden);
    else
      takes_of_one(stack.embeddings);
  }
  void check_own(const EncoderDecoder& both) const {
    const auto& encoder = part(both.encoder.part);
    equal("input_dim", part_.input_dim, "the encoder's", encoder.input_dim);
    equal("output_dim", part_.output_dim, "the decoder's", part(both.decoder.part).output_dim);
    remembers(both.decoder.part, encoder.output_dim);
  }
  // Within the decoder, what looks at the encoder's output. What a custom part hands on is its own affair.
  void remembers(const std::string& name, std::int64_t width) const {
    const auto& within = part(name);
    if (std::holds_alternative<Custom>(*within.blueprint)) return;
    if (const auto* attention = std::get_if<Attention>(&*within.blueprint); attention && attention->from_memory)
      require(input_of(*attention->k) == width, "'{}' in it reads {} numbers per position of the encoder's {}", name,
              input_of(*attention->k), width);
    for (const auto& child : children_of(within)) remembers(child, width);
  }

  void takes_of_one(const std::vector<PartRef<PartRole::embedding>>& embeddings) const {
    const auto is_its = [&](const auto& embedding) { return part(embedding.part).input_dim == part_.input_dim; };
    require(std::any_of(embeddings.begin(), embeddings.end(), is_its),
            "its input_dim is {}, none of its embeddings has so many", part_.input_dim);
  }

  // As many numbers go into that part, and come out of it, as into this one.
  void carries(const std::string& name) const {
    takes(name, part_.input_dim);
    gives(name, part_.output_dim);
  }
  void takes(const std::string& name, std::int64_t width) const {
    const auto dim = part(name).input_dim;
    require(dim == width, "'{}' in it takes {} numbers, should take {}", name, dim, width);
  }
  void gives(const std::string& name, std::int64_t width) const {
    const auto dim = part(name).output_dim;
    require(dim == width, "'{}' in it gives {} numbers, should give {}", name, dim, width);
  }
  void gives_out(std::int64_t width) const {
    require(part_.output_dim == width, "its output_dim is {}, the last of its parts gives {}", part_.output_dim, width);
  }

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
  const PartSpec& part(const std::string& name) const { return *spec_.parts.find(name); }

  // Parts of other stacks bear the stack's name before their own: "encoder.layer_0".
  bool is_of_main_stack() const { return name_.find('.') == name_.npos; }

  const ModelSpec& spec_;
  const std::string& name_;
  const PartSpec& part_;
};

}  // namespace

void require_part_rules(const ModelSpec& spec, const std::string& name, const PartSpec& part) {
  PartRules(spec, name, part).check();
}

}  // namespace garage
