// The layouts (transformers: conversion_mapping.py, and the modules of each family):
//
//   transformers 4, Mixtral, PhiMoE   block_sparse_moe.gate.weight, block_sparse_moe.experts.E.{w1,w3,w2}.weight
//   transformers 4, Qwen              mlp.gate.weight, mlp.experts.E.{gate_proj,up_proj,down_proj}.weight
//   transformers 5, stacked           mlp.gate.weight (PhiMoE: mlp.router.weight),
//                                     mlp.experts.gate_up_proj [E, 2I, H] (first I rows gate), mlp.experts.down_proj
//                                     [E, H, I]
//   the shared expert of all          mlp.shared_expert.{gate_proj,up_proj,down_proj}.weight,
//   mlp.shared_expert_gate.weight
#include <garage/sdk/mixture.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::sdk {
namespace {

FeedForward gated(const DecoderBuilder& build, const std::string& module, const std::string& activation,
                  const char* gate, const char* up, const char* down) {
  return {activation, build.linear(module + gate, false), build.linear(module + up, false),
          build.linear(module + down, false)};
}

// One expert of tensors that hold all.
FeedForward unstacked(const DecoderBuilder& build, const std::string& experts, const std::string& activation,
                      std::int64_t expert, std::int64_t width) {
  using Kind = ViewStep::Kind;
  const auto slice = [&](const char* tensor) {
    auto ref = build.tensor(experts + tensor);
    ref.view.push_back({Kind::select, {0, expert}});
    return ref;
  };
  auto gate = slice(".gate_up_proj"), up = gate;
  gate.view.push_back({Kind::narrow, {0, 0, width}});
  up.view.push_back({Kind::narrow, {0, width, width}});
  return {activation, Linear{gate, std::nullopt}, Linear{up, std::nullopt}, Linear{slice(".down_proj"), std::nullopt}};
}

// How the file names one layer's mixture. Told by whatever is there, so that a tensor that is gone is missed by name.
class Layout {
 public:
  Layout(const DecoderBuilder& build, std::int64_t layer, const std::string& module, const MixtureFacts& facts)
      : build_(build), module_(module) {
    const auto old = build.layer_module(layer) + ".block_sparse_moe";
    lettered_ = build.has_any(old + ".");
    if (lettered_) module_ = old;
    router_ = module_ + "." + (lettered_ || build.has(module_ + ".gate.weight") ? "gate" : facts.router);
    experts_ = module_ + ".experts";
    stacked_ = build.has(experts_ + ".gate_up_proj") || build.has(experts_ + ".down_proj");
  }

  // Before anything is made of the config's number. Fewer than there are is left to the accounting.
  void require_experts(std::int64_t experts) const {
    auto found = build_.count_modules(experts_);
    for (const auto* tensor : {".gate_up_proj", ".down_proj"})
      if (const auto shape = build_.shape(experts_ + tensor); !shape.empty()) found = std::max(found, shape.front());
    if (experts > found)
      throw Error(Errc::kCorrupt, fmt::format("config.json: there are {} experts, the tensors have {} ({})", experts,
                                              found, build_.tensor(experts_ + ".<e>.…").tensor));
  }

  Linear router() const { return build_.linear(router_, false); }

  FeedForward expert(std::int64_t index, const std::string& activation, std::int64_t width) const {
    if (stacked_) return unstacked(build_, experts_, activation, index, width);
    const auto module = fmt::format("{}.{}", experts_, index);
    if (lettered_) return gated(build_, module, activation, ".w1", ".w3", ".w2");
    return gated(build_, module, activation, ".gate_proj", ".up_proj", ".down_proj");
  }

 private:
  const DecoderBuilder& build_;
  std::string module_, router_, experts_;
  bool stacked_ = false, lettered_ = false;
};

}  // namespace

void add_mixture(DecoderBuilder& build, std::int64_t layer, const std::string& module, const std::string& activation,
                 const MixtureFacts& facts) {
  if (facts.top_k > facts.experts)
    throw Error(Errc::kCorrupt, fmt::format("config.json: a token visits {} experts (num_experts_per_tok), there are {}",
                                            facts.top_k, facts.experts));
  const auto hidden = build.dims().hidden;
  const Layout layout(build, layer, module, facts);
  layout.require_experts(facts.experts);
  const auto add_expert = [&](const std::string& name, const std::string& path, std::int64_t width,
                              FeedForward expert) {
    auto& part = build.part(name, part_type::kExpert, path, hidden, hidden, std::move(expert));
    part.layer_idx = layer;
    part.intermediate_dim = width;
    part.extra_info["activation"] = activation;
  };

  Mixture mixture{
      .router = part_name("gate", layer), .top_k = facts.top_k, .scoring = facts.scoring, .jitter = facts.jitter};
  build.part(mixture.router, part_type::kGate, module + "." + facts.router, hidden, facts.experts, layout.router())
      .layer_idx = layer;
  for (std::int64_t e = 0; e < facts.experts; ++e) {
    mixture.experts.push_back(fmt::format("expert_{}_{}", layer, e));
    add_expert(mixture.experts.back(), fmt::format("{}.experts.{}", module, e), facts.intermediate,
               layout.expert(e, activation, facts.intermediate));
  }
  if (facts.shared_intermediate) {
    const auto shared = module + ".shared_expert";
    mixture.shared_expert = part_name("shared_expert", layer);
    add_expert(*mixture.shared_expert, shared, *facts.shared_intermediate,
               gated(build, shared, activation, ".gate_proj", ".up_proj", ".down_proj"));
    mixture.shared_expert_gate = build.linear(module + ".shared_expert_gate", false);
  }

  auto children = mixture.experts;
  children.insert(children.begin(), mixture.router);
  if (mixture.shared_expert) children.push_back(*mixture.shared_expert);
  auto& ffn = build.part(part_name("ffn", layer), part_type::kFfn, module, hidden, hidden, std::move(mixture));
  ffn.layer_idx = layer;
  ffn.intermediate_dim = facts.intermediate;
  ffn.extra_info = {{"activation", activation}, {"num_experts", facts.experts}, {"experts_per_token", facts.top_k}};
  ffn.children = std::move(children);
}

}  // namespace garage::sdk
