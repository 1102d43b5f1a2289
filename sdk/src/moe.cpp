// The layouts (transformers: conversion_mapping.py, and the modules of each family):
//
//   transformers 4, Mixtral, PhiMoE   block_sparse_moe.gate.weight, block_sparse_moe.experts.E.{w1,w3,w2}.weight
//   transformers 4, Qwen              mlp.gate.weight, mlp.experts.E.{gate_proj,up_proj,down_proj}.weight
//   transformers 5, stacked           mlp.gate.weight (PhiMoE: mlp.router.weight),
//                                     mlp.experts.gate_up_proj [E, 2I, H] (first I rows gate), mlp.experts.down_proj
//                                     [E, H, I]
//   Llama 4                           feed_forward.router.weight, feed_forward.experts.gate_up_proj [E, H, 2I],
//                                     feed_forward.experts.down_proj [E, I, H]
//   Gemma 4                           router.proj.weight, router.per_expert_scale, experts.gate_up_proj [E, 2I, H],
//                                     experts.down_proj [E, H, I]
//   the shared expert of all          mlp.shared_expert.{gate_proj,up_proj,down_proj}.weight,
//                                     mlp.shared_expert_gate.weight; Mistral 4: mlp.shared_experts.…
#include <garage/sdk/moe.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::sdk {
namespace {

struct ExpertSize {
  std::string activation;
  std::int64_t hidden, width;
};

FeedForward gated(const Tensors& tensors, const ExpertSize& size, const char* gate, const char* up, const char* down) {
  return {size.activation, tensors.linear(gate, size.hidden, size.width, false),
          tensors.linear(up, size.hidden, size.width, false), tensors.linear(down, size.width, size.hidden, false)};
}

// One expert of tensors that hold all.
FeedForward unstacked(const Tensors& experts, const ExpertSize& size, std::int64_t expert, bool in_first) {
  using Kind = ViewStep::Kind;
  const auto slice = [&](const char* tensor, std::int64_t in, std::int64_t out) {
    auto ref = experts.tensor(tensor);
    ref.view.push_back({Kind::select, {0, expert}});
    if (in_first) ref.view.push_back({Kind::transpose, {0, 1}});
    return Linear{.in = in, .out = out, .weight = std::move(ref)};
  };
  const auto gate_up = slice("gate_up_proj", size.hidden, 2 * size.width);
  return {size.activation, rows(gate_up, 0, size.width), rows(gate_up, size.width, size.width),
          slice("down_proj", size.width, size.hidden)};
}

// How the file names one layer's mixture. Told by whatever is there, so that a tensor that is gone is missed by name.
class Layout {
 public:
  Layout(const LayerBuilder& layer, const std::string& module, const MoeOptions& options)
      : lettered_(layer.tensors().has_any("block_sparse_moe.")),
        tensors_(layer.tensors().of(lettered_ ? "block_sparse_moe" : module)),
        experts_(tensors_.below("experts.")),
        router_(lettered_ || tensors_.has("gate.weight") ? "gate" : options.router),
        scores_(options.router_projection.empty() ? router_ : router_ + "." + options.router_projection),
        stacked_(experts_.has("gate_up_proj") || experts_.has("down_proj")),
        in_first_(options.stacked_in_first) {}

  // Before anything is made of the config's number. Fewer than there are is left to the accounting.
  void require_experts(std::int64_t experts) const {
    auto found = tensors_.count_modules("experts");
    for (const auto* tensor : {"gate_up_proj", "down_proj"})
      if (const auto shape = experts_.shape(tensor); !shape.empty()) found = std::max(found, shape.front());
    if (experts > found)
      throw Error(Errc::kCorrupt, fmt::format("config.json: there are {} experts, the tensors have {} ({})", experts,
                                              found, experts_.tensor("<e>.…").tensor));
  }

  TensorRef tensor(const std::string& name) const { return tensors_.tensor(name); }

  Linear router(std::int64_t hidden, std::int64_t experts) const {
    return tensors_.linear(scores_, hidden, experts, false);
  }

  FeedForward expert(std::int64_t index, const ExpertSize& size) const {
    if (stacked_) return unstacked(experts_, size, index, in_first_);
    const auto expert = experts_.below(fmt::format("{}.", index));
    if (lettered_) return gated(expert, size, "w1", "w3", "w2");
    return gated(expert, size, "gate_proj", "up_proj", "down_proj");
  }

 private:
  bool lettered_;
  Tensors tensors_, experts_;
  std::string router_, scores_;
  bool stacked_, in_first_;
};

class Moe {
 public:
  Moe(LayerBuilder& layer, const std::string& module, const MoeOptions& options)
      : layer_(layer),
        module_(module),
        below_(module.empty() ? "" : module + "."),
        options_(options),
        hidden_(layer.dims().hidden) {}

  Part add() {
    const Layout layout(layer_, module_, options_);
    layout.require_experts(options_.experts);
    add_router(layout);
    for (std::int64_t e = 0; e < options_.experts; ++e) {
      const ExpertSize size{options_.activation, hidden_, options_.width};
      mixture_.experts.push_back(add_expert(fmt::format("expert_{}_{}", layer_.index(), e),
                                            fmt::format("{}experts.{}", below_, e), size, layout.expert(e, size)));
    }
    if (options_.shared_width) add_shared_expert(*options_.shared_width);
    return add_mixture();
  }

 private:
  void add_router(const Layout& layout) {
    const auto& routing = options_.routing;
    Router made{.scores = layout.router(hidden_, options_.experts),
                .scoring = routing.scoring,
                .top_k = options_.top_k,
                .renormalise = routing.renormalise,
                .jitter = routing.jitter,
                .norm = options_.router_norm,
                .input_scale = options_.router_scale,
                .groups = routing.groups,
                .scale = routing.scale};
    if (!options_.expert_scale.empty()) made.expert_scale = layout.tensor(options_.expert_scale);
    if (routing.keeps_dtype) made.keeps_dtype = true;
    const auto router =
        layer_.part("gate", part_type::kGate, below_ + options_.router, std::nullopt, std::move(made));
    layer_.spec_of(router).output_dim = options_.experts;
    mixture_.router = router.name;
  }

  std::string add_expert(std::string name, const std::string& module, const ExpertSize& size, FeedForward expert) {
    const auto part = layer_.named_part(std::move(name), part_type::kExpert, module, size.width, std::move(expert));
    layer_.spec_of(part).extra_info["activation"] = size.activation;
    return part.name;
  }

  void add_shared_expert(std::int64_t width) {
    const auto module = below_ + options_.shared;
    const ExpertSize size{options_.activation, hidden_, width};
    mixture_.shared_expert =
        add_expert(part_name("shared_expert", layer_.index()), module, size,
                   gated(layer_.tensors().below(module + "."), size, "gate_proj", "up_proj", "down_proj"));
    if (options_.shared_gate)
      mixture_.shared_expert_gate = layer_.tensors().linear(below_ + "shared_expert_gate", hidden_, 1, false);
  }

  Part add_mixture() {
    if (options_.weighs_input) mixture_.weighs_input = true;
    if (options_.norm) mixture_.norm = options_.norm->name;
    auto made = layer_.part(options_.part, part_type::kFfn, module_, options_.width, std::move(mixture_));
    auto& spec = layer_.spec_of(made);
    spec.extra_info = {
        {"activation", options_.activation}, {"num_experts", options_.experts}, {"experts_per_token", options_.top_k}};
    return made;
  }

  LayerBuilder& layer_;
  const std::string& module_;
  std::string below_;  // "mlp."
  const MoeOptions& options_;
  std::int64_t hidden_;
  Mixture mixture_;
};

}  // namespace

Part moe(LayerBuilder& layer, const std::string& module, const MoeOptions& options) {
  if (options.top_k > options.experts)
    throw Error(Errc::kCorrupt,
                fmt::format("config.json: a token visits {} experts (num_experts_per_tok), there are {}", options.top_k,
                            options.experts));
  return Moe(layer, module, options).add();
}

}  // namespace garage::sdk
