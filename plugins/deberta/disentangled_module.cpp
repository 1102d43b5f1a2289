// DisentangledSelfAttention of modeling_deberta.py and modeling_deberta_v2.py (arXiv:2006.03654): a query's content
// looks at a key's, and at how far it is; and how far it is looks at the key's content. Distances have rows in a table,
// which the model's own projections, or others, make keys and queries of.
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include <ATen/ops/ceil.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/log.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sign.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include <garage/nn/custom_module.hpp>

#include "own_modules.hpp"

namespace {

using garage::nn::CustomModule;
using garage::nn::CustomPart;
using garage::nn::Pass;

// make_log_bucket_position: half of the span in steps of one, the rest by the logarithm, up to the longest distance.
// In float32, step for step: where a bucket ends is a matter of its rounding.
torch::Tensor bucketed(const torch::Tensor& distance, std::int64_t span, std::int64_t longest) {
  const auto half = span / 2;
  const auto near =
      at::where((distance < half).logical_and(distance > -half), torch::full_like(distance, half - 1), distance.abs());
  const auto most =
      at::log(torch::tensor(static_cast<double>(longest - 1) / static_cast<double>(half), torch::kFloat32));
  const auto far = at::ceil(at::log(near.to(torch::kFloat32) / half) / most * (half - 1)) + half;
  return at::where(near <= half, distance.to(torch::kFloat32), far * at::sign(distance)).to(torch::kInt64);
}

class DisentangledAttention : public CustomModule {
 public:
  explicit DisentangledAttention(const CustomPart& part)
      : CustomModule(part),
        heads_(whole(part, "heads")),
        span_(whole(part, "span")),
        scale_(part.custom.attributes.at("scale").to_number<double>()),
        eps_(part.custom.attributes.at("eps").to_number<double>()),
        content_to_position_(part.custom.attributes.at("content_to_position").as_bool()),
        position_to_content_(part.custom.attributes.at("position_to_content").as_bool()),
        shares_projections_(part.custom.attributes.at("shares_projections").as_bool()) {
    if (part.custom.attributes.contains("max_distance")) max_distance_ = whole(part, "max_distance");
  }

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    require_hidden_states(input, hidden(), of("q.weight").options());
    if (pass.seen() > 0)
      throw garage::Error(
          garage::Errc::kUnsupported,
          name() + ": looks both ways, and what came before has not seen this: it is not run piece by piece");
    const auto q = split_heads(linear("q", input)), k = split_heads(linear("k", input));
    auto scores = at::matmul(q, k.transpose(2, 3));
    if (content_to_position_ || position_to_content_) scores = scores + by_distance(q, k, pass);
    scores = scores * scale_;
    if (pass.mask().defined()) scores = scores + pass.mask().to(scores.options());
    if (const auto& mask = pass.attention_mask(); mask.defined())
      scores = scores.masked_fill((mask == 0).to(input.device()).unsqueeze(1).unsqueeze(1),
                                  std::numeric_limits<float>::lowest());
    const auto values = split_heads(linear("v", input));
    return linear("o", at::matmul(at::softmax(scores, -1), values).transpose(1, 2).flatten(2));
  }

 private:
  static std::int64_t whole(const CustomPart& part, const char* attribute) {
    return part.custom.attributes.at(attribute).to_number<std::int64_t>();
  }

  // (..., seq, heads * head_dim) to (..., heads, seq, head_dim)
  torch::Tensor split_heads(const torch::Tensor& x) const { return x.unflatten(-1, {heads_, -1}).transpose(-3, -2); }

  // What distances add, (batch, heads, seq, seq).
  torch::Tensor by_distance(const torch::Tensor& q, const torch::Tensor& k, Pass& pass) const {
    const auto rows = rows_of_distances(pass.position_ids(q.device())).unsqueeze(1);
    const auto index = rows.expand({q.size(0), q.size(1), rows.size(2), rows.size(3)});
    const auto table = normed_table();
    const auto looked_up = [&](const torch::Tensor& content, const char* own, const char* shared,
                               const torch::Tensor& at) {
      const auto position = split_heads(linear(shares_projections_ ? shared : own, table));
      return at::matmul(content, position.transpose(1, 2)).gather(-1, at);
    };
    torch::Tensor sum;
    if (content_to_position_) sum = looked_up(q, "position_key", "k", index);
    if (!position_to_content_) return sum;
    const auto other = looked_up(k, "position_query", "q", index.transpose(2, 3)).transpose(2, 3);
    return sum.defined() ? sum + other : other;
  }

  // (batch or 1, seq, seq): the row of the table for each query and key.
  torch::Tensor rows_of_distances(const torch::Tensor& positions) const {
    auto distance = positions.unsqueeze(-1) - positions.unsqueeze(-2);
    if (max_distance_) distance = bucketed(distance, span_, *max_distance_);
    return (distance + span_).clamp(0, 2 * span_ - 1);
  }

  torch::Tensor normed_table() const {
    const auto& weight = of("table_norm.weight");
    if (!weight.defined()) return of("table");
    return at::layer_norm(of("table"), {hidden()}, weight, of("table_norm.bias"), eps_);
  }

  std::int64_t heads_, span_;
  double scale_, eps_;
  bool content_to_position_, position_to_content_, shares_projections_;
  std::optional<std::int64_t> max_distance_;  // where there are buckets
};

}  // namespace

DebertaModule make_disentangled_attention(const CustomPart& part) {
  return std::make_shared<DisentangledAttention>(part);
}
