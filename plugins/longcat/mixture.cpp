// transformers: LongcatFlashMoE, LongcatFlashTopkRouter and LongcatFlashExperts of modeling_longcat_flash.py.
#include "mixture.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>

using namespace garage;
using namespace garage::sdk;

namespace {

class Mixing {
 public:
  Mixing(LayerBuilder& layer, const std::string& module, const LongcatExperts& experts)
      : layer_(layer),
        module_(module),
        experts_(experts),
        hidden_(layer.dims().hidden),
        tensors_(layer.tensors().of(module)) {}

  Part add() {
    require_experts();
    CustomTensors own(tensors_);
    own.add("router.e_score_correction_bias", {experts_.count + experts_.identity});
    auto mixture = own.take(
        {{"top_k", experts_.top_k}, {"scale", experts_.scale}, {"identity_experts", experts_.identity}}, "mixture");
    mixture.parts.emplace_back(add_router().name);
    for (std::int64_t e = 0; e < experts_.count; ++e) mixture.parts.emplace_back(add_expert(e).name);
    auto made = layer_.part("ffn", part_type::kFfn, module_, experts_.width, std::move(mixture));
    layer_.spec_of(made).extra_info = {{"activation", experts_.activation},
                                       {"num_experts", experts_.count},
                                       {"identity_experts", experts_.identity},
                                       {"experts_per_token", experts_.top_k}};
    return made;
  }

 private:
  // Before anything is made of the config's number. Fewer than there are is left to the accounting.
  void require_experts() const {
    const auto found = tensors_.count_modules("experts");
    if (experts_.count > found)
      throw Error(Errc::kCorrupt, fmt::format("config.json: there are {} experts, the tensors have {} ({})",
                                              experts_.count, found, tensors_.tensor("experts.<e>.…").tensor));
  }

  // A softmax over experts of both kinds; the choice and the weights are the mixture's.
  Part add_router() {
    const auto all = experts_.count + experts_.identity;
    Router router{.scores = tensors_.linear("router.classifier", hidden_, all, false),
                  .scoring = Scoring::softmax,
                  .top_k = experts_.top_k};
    router.in_float32 = true;
    auto made = layer_.part("gate", part_type::kGate, module_ + ".router", std::nullopt, std::move(router));
    layer_.spec_of(made).output_dim = all;
    return made;
  }

  Part add_expert(std::int64_t index) {
    const auto path = fmt::format("experts.{}", index);
    auto made = layer_.named_part(fmt::format("expert_{}_{}", layer_.index(), index), part_type::kExpert,
                                  module_ + "." + path, experts_.width, expert(path));
    layer_.spec_of(made).extra_info["activation"] = experts_.activation;
    return made;
  }

  FeedForward expert(const std::string& path) const {
    const auto own = tensors_.of(path);
    return {.activation = experts_.activation,
            .gate = own.linear("gate_proj", hidden_, experts_.width, false),
            .up = own.linear("up_proj", hidden_, experts_.width, false),
            .down = own.linear("down_proj", experts_.width, hidden_, false)};
  }

  LayerBuilder& layer_;
  const std::string& module_;
  const LongcatExperts& experts_;
  std::int64_t hidden_;
  Tensors tensors_;
};

}  // namespace

LongcatExperts read_longcat_experts(const ConfigReader& config) {
  LongcatExperts experts{.count = config.dimension("n_routed_experts", 512),
                         .identity = config.count("zero_expert_num", 256),
                         .top_k = config.dimension("moe_topk", 12),
                         .width = config.dimension("expert_ffn_hidden_size", 2048),
                         .scale = config.positive("routed_scaling_factor", 6),
                         .activation = config.text("hidden_act", "silu")};
  // The class makes a bias of the router, and does not add it.
  if (config.flag("router_bias", false)) config.unsupported("router_bias", "a bias of the router");
  if (experts.top_k > experts.count + experts.identity)
    config.refuse("moe_topk", fmt::format("no more than there are experts, {}", experts.count + experts.identity));
  return experts;
}

void ignore_identity_experts(StackBuilder& text, const LongcatExperts& experts) {
  const auto there = text.tensors().count_modules("layers.0.mlp.experts");
  for (auto e = experts.count; e < std::min(there, experts.count + experts.identity); ++e)
    for (const auto* module : {"gate_proj", "up_proj"})
      text.ignore(fmt::format("layers.{{}}.mlp.experts.{}.{}.weight", e, module),
                  "of an expert that gives a token back as it came");
}

Part longcat_mixture(LayerBuilder& layer, const std::string& module, const LongcatExperts& experts) {
  return Mixing(layer, module, experts).add();
}
