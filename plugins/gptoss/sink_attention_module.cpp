// GptOssAttention and its eager_attention_forward (modeling_gpt_oss.py): each head has a number of its own, the sink,
// which takes part in the softmax as one more score, and weighs nothing.
#include <limits>
#include <optional>
#include <string>

#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros_like.h>

#include <garage/nn/custom_module.hpp>
#include <garage/nn/seen_keys.hpp>

#include "own_modules.hpp"

namespace {

using garage::nn::CustomModule;
using garage::nn::CustomPart;
using garage::nn::Pass;
using garage::nn::SeenKeys;
using garage::nn::split_heads;

class SinkAttention : public CustomModule {
 public:
  explicit SinkAttention(const CustomPart& part)
      : CustomModule(part),
        heads_(whole(part, "heads")),
        kv_heads_(whole(part, "kv_heads")),
        scale_(part.custom.attributes.at("scale").to_number<double>()),
        causal_(part.custom.attributes.at("causal").as_bool()) {
    if (part.custom.attributes.contains("window")) window_ = whole(part, "window");
    if (kv_heads_ < 1 || heads_ % kv_heads_ != 0)
      refuse(part, "kv_heads is " + std::to_string(kv_heads_) + ", should divide heads, " + std::to_string(heads_));
    if (part.custom.parts.size() != 1)
      refuse(part, "has " + std::to_string(part.custom.parts.size()) + " parts, should be a rope");
    const auto& name = part.custom.parts.front().part;
    rope_ = register_module(name, part.part(name));
  }

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    require_hidden_states(input, hidden(), of("q_proj.weight").options());
    const auto positions = pass.position_ids(input.device());
    const garage::nn::HeadTurns turned(*rope_, positions, pass, input.options());
    const auto q = turned(split_heads(linear("q_proj", input), heads_));
    const auto seen = remember(name(), pass,
                               {turned(split_heads(linear("k_proj", input), kv_heads_)),
                                split_heads(linear("v_proj", input), kv_heads_), positions});
    const auto weights = weigh(scores(q, seen, positions, pass));
    return linear("o_proj", at::matmul(weights, for_all_heads(seen.values)).transpose(1, 2).flatten(2));
  }

 private:
  [[noreturn]] static void refuse(const CustomPart& part, const std::string& fault) {
    throw garage::Error(garage::Errc::kCorrupt, part.name + ": " + fault);
  }
  static std::int64_t whole(const CustomPart& part, const char* attribute) {
    return part.custom.attributes.at(attribute).to_number<std::int64_t>();
  }

  torch::Tensor for_all_heads(const torch::Tensor& x) const { return x.repeat_interleave(heads_ / kv_heads_, 1); }

  // (batch, heads, seq, keys)
  torch::Tensor scores(const torch::Tensor& q, const SeenKeys& seen, const torch::Tensor& positions, Pass& pass) const {
    auto scores = at::matmul(q, for_all_heads(seen.keys).transpose(2, 3)) * scale_;
    if (const auto& mask = pass.attention_mask(); mask.defined())  // what is padding
      scores = scores.masked_fill((mask == 0).to(scores.device()).unsqueeze(1).unsqueeze(1),
                                  -std::numeric_limits<double>::infinity());
    if (pass.mask().defined()) return scores + pass.mask().to(scores.options());
    return scores.masked_fill(hidden_from(positions, seen.positions), -std::numeric_limits<double>::infinity());
  }

  // Which keys a query does not see: those that come later, or lie outside the window. (batch or 1, 1, seq, keys)
  torch::Tensor hidden_from(const torch::Tensor& positions, const torch::Tensor& key_positions) const {
    const auto distance = positions.unsqueeze(-1) - key_positions.unsqueeze(-2);
    auto hidden = causal_ ? distance < 0 : torch::zeros_like(distance, torch::kBool);
    if (window_) hidden = hidden.logical_or(distance.abs() >= *window_);
    return hidden.unsqueeze(1);
  }

  // In the scores' own dtype, as the class does it.
  torch::Tensor weigh(const torch::Tensor& scores) const {
    const auto sinks = of("sinks").reshape({1, -1, 1, 1}).expand({scores.size(0), -1, scores.size(2), 1});
    const auto all = at::cat({scores, sinks}, -1);
    return at::softmax(all - all.amax(-1, /*keepdim=*/true), -1).narrow(-1, 0, scores.size(-1));
  }

  std::int64_t heads_, kv_heads_;
  double scale_;
  bool causal_;
  std::optional<std::int64_t> window_;
  GptOssModule rope_;
};

}  // namespace

GptOssModule make_sink_attention(const CustomPart& part) { return std::make_shared<SinkAttention>(part); }
