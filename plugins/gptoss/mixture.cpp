// transformers: GptOssMLP, GptOssTopKRouter and GptOssExperts of modeling_gpt_oss.py.
//
//   router.weight [E, H], router.bias [E]
//   experts.gate_up_proj [E, H, 2I], experts.gate_up_proj_bias [E, 2I]   of each two columns a gate's, then up's
//   experts.down_proj [E, I, H], experts.down_proj_bias [E, H]
#include "mixture.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>

using namespace garage;
using namespace garage::sdk;

namespace {

// GptOssExperts, whatever the config says.
constexpr double kAlpha = 1.702, kLimit = 7;
constexpr const char* kActivation = "clamped_swiglu";

class Mixing {
 public:
  Mixing(LayerBuilder& layer, const std::string& module, const GptOssExperts& experts)
      : layer_(layer),
        module_(module),
        experts_(experts),
        hidden_(layer.dims().hidden),
        width_(layer.dims().intermediate),
        stacked_(layer.tensors().of(module + ".experts")) {}

  Part add() {
    require_experts();
    Custom mixture{.builder = "mixture", .attributes = {{"top_k", experts_.top_k}}};
    mixture.parts.emplace_back(add_router().name);
    for (std::int64_t e = 0; e < experts_.count; ++e) mixture.parts.emplace_back(add_expert(e).name);
    auto made = layer_.part("ffn", part_type::kFfn, module_, width_, std::move(mixture));
    layer_.spec_of(made).extra_info = {
        {"activation", kActivation}, {"num_experts", experts_.count}, {"experts_per_token", experts_.top_k}};
    return made;
  }

 private:
  // Before anything is made of the config's number. Fewer than there are is left to the accounting.
  void require_experts() const {
    std::int64_t found = 0;
    for (const auto* tensor : {"gate_up_proj", "gate_up_proj_bias", "down_proj", "down_proj_bias"})
      if (const auto shape = stacked_.shape(tensor); !shape.empty()) found = std::max(found, shape.front());
    if (experts_.count > found)
      throw Error(Errc::kCorrupt, fmt::format("config.json: there are {} experts, the tensors have {} ({})",
                                              experts_.count, found, stacked_.tensor("gate_up_proj").tensor));
  }

  // The class's softmax of the chosen scores is that of all scores, divided by the sum of the chosen.
  Part add_router() {
    Router router{.scores = layer_.tensors().linear(module_ + ".router", hidden_, experts_.count, /*bias=*/true),
                  .scoring = Scoring::softmax,
                  .top_k = experts_.top_k,
                  .renormalise = true};
    router.keeps_dtype = true;
    auto made = layer_.part("gate", part_type::kGate, module_ + ".router", std::nullopt, std::move(router));
    layer_.spec_of(made).output_dim = experts_.count;
    return made;
  }

  // Its slice of each tensor as the file has it, [in, out]: what comes of gate_up_proj is taken apart when it is there.
  Part add_expert(std::int64_t index) {
    const auto slice = [&](const char* tensor, TensorShape shape) {
      auto ref = stacked_.tensor(tensor);
      ref.view.push_back({ViewStep::Kind::select, {0, index}});
      return std::pair(std::string(tensor), ShapedTensor{std::move(ref), std::move(shape)});
    };
    Custom expert{.builder = "expert", .attributes = {{"alpha", kAlpha}, {"limit", kLimit}}};
    expert.tensors = {slice("gate_up_proj", {hidden_, 2 * width_}), slice("gate_up_proj_bias", {2 * width_}),
                      slice("down_proj", {width_, hidden_}), slice("down_proj_bias", {hidden_})};
    auto made = layer_.named_part(fmt::format("expert_{}_{}", layer_.index(), index), part_type::kExpert,
                                  fmt::format("{}.experts.{}", module_, index), width_, std::move(expert));
    layer_.spec_of(made).extra_info["activation"] = kActivation;
    return made;
  }

  LayerBuilder& layer_;
  const std::string& module_;
  GptOssExperts experts_;
  std::int64_t hidden_, width_;
  Tensors stacked_;
};

}  // namespace

GptOssExperts read_gpt_oss_experts(const ConfigReader& config) {
  if (config.text("hidden_act", "silu") != "silu")
    config.unsupported("hidden_act", "another activation than the class's own, which its config calls silu,");
  if (config.positive("swiglu_limit", kLimit) != kLimit)
    config.unsupported("swiglu_limit", "another limit than the class's own, 7,");
  const GptOssExperts experts{config.dimension_of({"num_local_experts", "num_experts"}, 128),
                              config.dimension("num_experts_per_tok", 4)};
  if (experts.top_k > experts.count)
    config.refuse("num_experts_per_tok", fmt::format("no more than there are experts, {}", experts.count));
  return experts;
}

Part gpt_oss_mixture(LayerBuilder& layer, const std::string& module, const GptOssExperts& experts) {
  return Mixing(layer, module, experts).add();
}
