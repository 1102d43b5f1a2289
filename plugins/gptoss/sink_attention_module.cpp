// GptOssAttention and its eager_attention_forward (modeling_gpt_oss.py): each head has a number of its own, the sink,
// which takes part in the softmax as one more score, and weighs nothing.
#include <algorithm>
#include <limits>
#include <optional>
#include <string>

#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros_like.h>

#include <garage/nn/custom_module.hpp>

#include "own_modules.hpp"

namespace {

using garage::nn::CustomModule;
using garage::nn::CustomPart;
using garage::nn::Memory;
using garage::nn::Pass;

struct Keys {
  torch::Tensor keys, values;  // (batch, kv_heads, keys, head_dim)
  torch::Tensor positions;     // (batch or 1, keys)
};

// (batch, seq, heads * head_dim) to (batch, heads, seq, head_dim)
torch::Tensor split_heads(const torch::Tensor& x, std::int64_t heads) {
  return x.unflatten(-1, {heads, -1}).transpose(1, 2);
}

// _apply_rotary_emb: the first half of each head turns with its second half. table is (2, batch or 1, 1, seq,
// head_dim / 2), cosines first.
torch::Tensor turned(const torch::Tensor& x, const torch::Tensor& table) {
  const auto halves = x.chunk(2, -1);
  const auto cos = table[0], sin = table[1];
  return at::cat({halves[0] * cos - halves[1] * sin, halves[1] * cos + halves[0] * sin}, -1);
}

// Adds to what was seen before, and answers all of it.
Keys remember(const std::string& part, Memory& memory, Keys all, std::int64_t seen) {
  auto &keys = memory["keys"], &values = memory["values"], &positions = memory["position_ids"];
  const auto held = keys.defined() ? keys.size(2) : 0;
  if (held != seen)
    throw garage::Error(garage::Errc::kInvalidArgument,
                        part + ": the state holds keys of " + std::to_string(held) +
                            " positions, and this pass comes after " + std::to_string(seen) +
                            ": one state goes with the whole model, or with each part by itself");
  if (held > 0) {
    const auto rows = std::max(positions.size(0), all.positions.size(0));
    const auto rowed = [&](const torch::Tensor& ids) { return ids.expand({rows, ids.size(1)}); };
    all = {at::cat({keys, all.keys}, 2), at::cat({values, all.values}, 2),
           at::cat({rowed(positions), rowed(all.positions)}, 1)};
  }
  keys = all.keys;
  values = all.values;
  positions = all.positions;
  return all;
}

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
    const auto table = turns(positions, pass).to(input.options());
    const auto q = turned(split_heads(linear("q_proj", input), heads_), table);
    Keys seen{turned(split_heads(linear("k_proj", input), kv_heads_), table),
              split_heads(linear("v_proj", input), kv_heads_), positions};
    if (auto* memory = pass.memory(name())) seen = remember(name(), *memory, seen, pass.seen());
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

  // A rope's table has each angle twice, once for either half.
  torch::Tensor turns(const torch::Tensor& positions, Pass& pass) const {
    return rope_->forward(positions, pass).chunk(2, -1).front().unsqueeze(2);
  }

  torch::Tensor for_all_heads(const torch::Tensor& x) const { return x.repeat_interleave(heads_ / kv_heads_, 1); }

  // (batch, heads, seq, keys)
  torch::Tensor scores(const torch::Tensor& q, const Keys& seen, const torch::Tensor& positions, Pass& pass) const {
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
