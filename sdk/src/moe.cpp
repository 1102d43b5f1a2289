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
//   IBM                               block_sparse_moe.router.layer.weight, block_sparse_moe.input_linear.weight [E, 2I, H],
//                                     block_sparse_moe.output_linear.weight [E, H, I]; shared_mlp.{input,output}_linear
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
  bool gated = true, bias = false;
};

// What one expert's modules are called.
struct OwnNames {
  std::string gate, up, down, fused = {};
};

FeedForward own(const Tensors& tensors, const ExpertSize& size, const OwnNames& names) {
  FeedForward made{.activation = size.activation};
  if (names.fused.empty()) {
    if (size.gated) made.gate = tensors.linear(names.gate, size.hidden, size.width, size.bias);
    made.up = tensors.linear(names.up, size.hidden, size.width, size.bias);
  } else {
    const auto both = tensors.linear(names.fused, size.hidden, 2 * size.width, size.bias);
    made.gate = rows(both, 0, size.width);
    made.up = rows(both, size.width, size.width);
  }
  made.down = tensors.linear(names.down, size.width, size.hidden, size.bias);
  return made;
}

// One expert of tensors that hold all.
FeedForward unstacked(const Tensors& tensors, const ExpertSize& size, std::int64_t expert, const ExpertNames& names,
                      bool in_first) {
  using Kind = ViewStep::Kind;
  const auto slice = [&](const std::string& tensor, std::int64_t in, std::int64_t out) {
    auto ref = tensors.tensor(tensor);
    ref.view.push_back({Kind::select, {0, expert}});
    if (in_first) ref.view.push_back({Kind::transpose, {0, 1}});
    return Linear{.in = in, .out = out, .weight = std::move(ref)};
  };
  FeedForward made{.activation = size.activation, .down = slice(names.stacked_down, size.width, size.hidden)};
  if (!size.gated) {
    made.up = slice(names.stacked_up, size.hidden, size.width);
    return made;
  }
  const auto gate_up = slice(names.stacked_gate_up, size.hidden, 2 * size.width);
  made.gate = rows(gate_up, 0, size.width);
  made.up = rows(gate_up, size.width, size.width);
  return made;
}

// How the file names one layer's mixture. Told by whatever is there, so that a tensor that is gone is missed by name.
class Layout {
 public:
  Layout(const LayerBuilder& layer, const std::string& module, const MoeOptions& options)
      : names_(options.names),
        lettered_(layer.tensors().has_any("block_sparse_moe.gate.") ||
                  layer.tensors().has_any("block_sparse_moe.experts.")),
        tensors_(layer.tensors().of(lettered_ ? "block_sparse_moe" : module)),
        router_(lettered_ || tensors_.has("gate.weight") ? "gate" : options.router),
        scores_(options.router_projection.empty() ? router_ : router_ + "." + options.router_projection),
        stacked_(tensors_.has(first_stacked(options)) || tensors_.has(names_.stacked_down)),
        in_first_(options.stacked_in_first) {}

  // Before anything is made of the config's number. Fewer than there are is left to the accounting.
  void require_experts(std::int64_t experts) const {
    auto found = tensors_.count_modules(names_.list);
    for (const auto* tensor : {&names_.stacked_gate_up, &names_.stacked_up, &names_.stacked_down})
      if (const auto shape = tensors_.shape(*tensor); !shape.empty()) found = std::max(found, shape.front());
    if (experts > found)
      throw Error(Errc::kCorrupt, fmt::format("config.json: there are {} experts, the tensors have {} ({})", experts,
                                              found, tensors_.tensor(names_.list + ".<e>.…").tensor));
  }

  TensorRef tensor(const std::string& name) const { return tensors_.tensor(name); }

  Linear linear(const std::string& module, std::int64_t in, std::int64_t out, bool bias) const {
    return tensors_.linear(module, in, out, bias);
  }
  Linear router(std::int64_t hidden, std::int64_t experts, bool bias) const {
    return tensors_.linear(scores_, hidden, experts, bias);
  }

  // The first of several that is there, as a list.
  TensorRef correction(const std::vector<std::string>& names, std::int64_t experts) const {
    const auto there = std::find_if(names.begin(), names.end(), [&](const auto& name) { return tensors_.has(name); });
    const auto& name = there == names.end() ? names.front() : *there;
    auto ref = tensors_.tensor(name);
    if (tensors_.shape(name).size() > 1) ref.view = {{ViewStep::Kind::view, {experts}}};
    return ref;
  }

  FeedForward expert(std::int64_t index, const ExpertSize& size) const {
    if (stacked_) return unstacked(tensors_, size, index, names_, in_first_);
    const auto expert = tensors_.below(fmt::format("{}.{}.", names_.list, index));
    if (lettered_) return own(expert, size, {"w1", "w3", "w2"});
    return own(expert, size, {names_.gate, names_.up, names_.down});
  }

 private:
  static const std::string& first_stacked(const MoeOptions& options) {
    return options.gated ? options.names.stacked_gate_up : options.names.stacked_up;
  }

  ExpertNames names_;
  bool lettered_;
  Tensors tensors_;
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
    const auto numbers = options_.latent > 0 ? options_.latent : hidden_;
    const ExpertSize size{options_.activation, numbers, options_.width, options_.gated, options_.bias};
    for (std::int64_t e = 0; e < options_.experts; ++e)
      mixture_.experts.push_back(add_expert(fmt::format("expert_{}_{}", layer_.index(), e),
                                            fmt::format("{}{}.{}", below_, options_.names.list, e), size,
                                            layout.expert(e, size)));
    if (options_.latent > 0) {
      mixture_.down = layout.linear(options_.latent_down, hidden_, numbers, options_.latent_bias);
      mixture_.up = layout.linear(options_.latent_up, numbers, hidden_, options_.latent_bias);
    }
    if (options_.shared_width) add_shared_expert(*options_.shared_width);
    return add_mixture();
  }

 private:
  void add_router(const Layout& layout) {
    const auto& routing = options_.routing;
    Router made{.scores = layout.router(hidden_, options_.experts, options_.router_bias),
                .scoring = routing.scoring,
                .top_k = options_.top_k,
                .renormalise = routing.renormalise,
                .jitter = routing.jitter,
                .norm = options_.router_norm,
                .input_scale = options_.router_scale,
                .groups = routing.groups,
                .scale = routing.scale,
                .sum_epsilon = routing.sum_epsilon,
                .least_sum = routing.least_sum,
                .softcap = routing.softcap};
    if (!routing.correction.empty()) made.correction = layout.correction(routing.correction, options_.experts);
    if (routing.in_float32) made.in_float32 = true;
    if (!options_.expert_scale.empty()) made.expert_scale = layout.tensor(options_.expert_scale);
    if (routing.keeps_dtype) made.keeps_dtype = true;
    const auto router =
        layer_.part("gate", part_type::kGate, below_ + options_.router, std::nullopt, std::move(made));
    layer_.spec_of(router).output_dim = options_.experts;
    mixture_.router = router.name;
  }

  std::string add_expert(std::string name, const std::string& module, const ExpertSize& size, FeedForward expert) {
    const auto part = layer_.named_part(std::move(name), part_type::kExpert, module, size.width, std::move(expert));
    auto& spec = layer_.spec_of(part);
    spec.input_dim = spec.output_dim = size.hidden;
    spec.extra_info["activation"] = size.activation;
    return part.name;
  }

  void add_shared_expert(std::int64_t width) {
    const auto module = options_.shared_module.empty() ? below_ + options_.shared : options_.shared_module;
    const ExpertSize size{options_.activation, hidden_, width, options_.gated, options_.shared_bias};
    auto expert = own(layer_.tensors().of(module), size,
                      {options_.shared_gate_proj, options_.shared_up, options_.shared_down, options_.shared_fused});
    expert.output_scale = options_.shared_scale;
    mixture_.shared_expert =
        add_expert(part_name("shared_expert", layer_.index()), module, size, std::move(expert));
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
