// DeepseekV32Attention and DeepseekV32Indexer (modeling_deepseek_v32.py), GlmMoeDsaAttention.
//
//   low = q_a_layernorm(q_a_proj(x))                                       what queries and the indexer's come from
//   index[t, s] = sum over heads h of weights[t, h] * relu(q[t, h] . k[s]) of small heads, all of one key
//   of what it sees a token looks at the top_k keys of the highest index
//
// Keys of one index (0, where no head's score is above 0) torch.topk chooses among as it likes, by their number, too:
// there a sequence in pieces gives something else than at once, in transformers as here.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros.h>

#include <garage/nn/custom_module.hpp>

#include "own_modules.hpp"

namespace {

using garage::nn::CustomModule;
using garage::nn::CustomPart;
using garage::nn::Memory;
using garage::nn::Pass;

// Of each pair of dimensions that turn; (batch or 1, seq, rope_dim / 2).
struct Turns {
  torch::Tensor cos, sin;
};

struct Seen {
  torch::Tensor keys, values;  // (batch, heads, keys, dim)
  torch::Tensor index_keys;    // (batch, keys, index_head_dim); undefined without an indexer
  torch::Tensor positions;     // (batch or 1, keys)
};

// (batch, seq, heads * dim) to (batch, heads, seq, dim)
torch::Tensor split_heads(const torch::Tensor& x, std::int64_t heads) {
  return x.unflatten(-1, {heads, -1}).transpose(1, 2);
}

// apply_rotary_pos_emb_interleave: neighbours turn, and come out by halves. x is (batch, heads, seq, rope_dim).
torch::Tensor turned_pairs(const torch::Tensor& x, const Turns& turns) {
  const auto pairs = x.unflatten(-1, {-1, 2});
  const auto a = pairs.select(-1, 0), b = pairs.select(-1, 1);
  const auto cos = turns.cos.unsqueeze(1), sin = turns.sin.unsqueeze(1);
  return at::cat({a * cos - b * sin, b * cos + a * sin}, -1);
}

// apply_rotary_pos_emb: the first dimensions turn, the first half of them with the second. x is (batch, seq, heads,
// dim).
torch::Tensor turned_halves(const torch::Tensor& x, const Turns& turns) {
  const auto half = turns.cos.size(-1);
  const auto a = x.narrow(-1, 0, half), b = x.narrow(-1, half, half);
  const auto cos = turns.cos.unsqueeze(2), sin = turns.sin.unsqueeze(2);
  return at::cat({a * cos - b * sin, b * cos + a * sin, x.narrow(-1, 2 * half, x.size(-1) - 2 * half)}, -1);
}

// DeepseekV32RMSNorm
torch::Tensor rms_norm(const torch::Tensor& x, const torch::Tensor& weight, double eps) {
  const auto wide = x.to(torch::kFloat32);
  return weight * (wide * (wide.pow(2).mean(-1, /*keepdim=*/true) + eps).rsqrt()).to(x.scalar_type());
}

torch::Tensor joined(const torch::Tensor& before, const torch::Tensor& fresh, std::int64_t dim) {
  return before.defined() ? at::cat({before, fresh}, dim) : fresh;
}

// Adds to what was seen before, and answers all of it.
Seen remember(const std::string& part, Memory& memory, Seen all, std::int64_t seen) {
  auto& keys = memory["keys"];
  if (const auto held = keys.defined() ? keys.size(2) : 0; held != seen)
    throw garage::Error(garage::Errc::kInvalidArgument,
                        part + ": the state holds keys of " + std::to_string(held) +
                            " positions, and this pass comes after " + std::to_string(seen) +
                            ": one state goes with the whole model, or with each part by itself");
  auto& positions = memory["position_ids"];
  if (positions.defined()) {
    const auto rows = std::max(positions.size(0), all.positions.size(0));
    positions = positions.expand({rows, positions.size(1)});
    all.positions = all.positions.expand({rows, all.positions.size(1)});
  }
  keys = all.keys = joined(keys, all.keys, 2);
  memory["values"] = all.values = joined(memory["values"], all.values, 2);
  positions = all.positions = joined(positions, all.positions, 1);
  if (all.index_keys.defined()) memory["index_keys"] = all.index_keys = joined(memory["index_keys"], all.index_keys, 1);
  return all;
}

class SparseAttention : public CustomModule {
 public:
  explicit SparseAttention(const CustomPart& part)
      : CustomModule(part),
        heads_(whole(part, "heads")),
        nope_dim_(whole(part, "nope_dim")),
        rope_dim_(whole(part, "rope_dim")),
        v_dim_(whole(part, "v_dim")),
        kv_rank_(whole(part, "kv_rank")),
        scale_(number(part, "scale")),
        norm_eps_(number(part, "norm_eps")) {
    const auto& own = part.custom.attributes;
    if (const auto* source = own.if_contains("chosen_by")) {
      chosen_by_ = std::string(source->as_string());
    } else {
      index_heads_ = whole(part, "index_heads");
      top_k_ = whole(part, "index_top_k");
      index_norm_eps_ = number(part, "index_norm_eps");
    }
    if (part.custom.parts.size() != 1)
      throw garage::Error(garage::Errc::kCorrupt,
                          part.name + ": has " + std::to_string(part.custom.parts.size()) + " parts, should be a rope");
    const auto& name = part.custom.parts.front().part;
    rope_ = register_module(name, part.part(name));
  }

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    require_hidden_states(input, hidden(), of("q_a_proj.weight").options());
    const auto positions = pass.position_ids(input.device());
    const auto turns = turns_at(positions, pass, input.options());
    const auto low = rms_norm(linear("q_a_proj", input), of("q_a_layernorm.weight"), norm_eps_);
    auto seen = keys_and_values(input, turns);
    seen.positions = positions;
    if (chosen_by_.empty()) seen.index_keys = index_keys(input, turns);
    if (auto* memory = pass.memory(name())) seen = remember(name(), *memory, std::move(seen), pass.seen());
    const auto unseen = hidden_from(positions, seen, pass);
    const auto passed_over = chosen_by_.empty() ? passed_over_by_indexer(input, low, turns, seen, unseen, pass)
                                                : passed_over_by_other(input, seen, pass);
    auto scores = at::matmul(queries(low, turns), seen.keys.transpose(2, 3)) * scale_;
    if (pass.mask().defined()) scores = scores + pass.mask().to(scores.options());
    const auto weights = softmax(scores, unseen.logical_or(passed_over.unsqueeze(1)));
    return linear("o_proj", at::matmul(weights, seen.values).transpose(1, 2).flatten(2));
  }

 private:
  static std::int64_t whole(const CustomPart& part, const char* attribute) {
    return part.custom.attributes.at(attribute).to_number<std::int64_t>();
  }
  static double number(const CustomPart& part, const char* attribute) {
    return part.custom.attributes.at(attribute).to_number<double>();
  }

  // The rope's table has each pair's angle twice, side by side.
  Turns turns_at(const torch::Tensor& positions, Pass& pass, const torch::TensorOptions& options) const {
    const auto table = rope_->forward(positions, pass).to(options).unflatten(-1, {-1, 2}).select(-1, 0);
    return {table.select(0, 0), table.select(0, 1)};
  }

  torch::Tensor queries(const torch::Tensor& low, const Turns& turns) const {
    const auto q = split_heads(linear("q_b_proj", low), heads_);
    return at::cat({q.narrow(-1, 0, nope_dim_), turned_pairs(q.narrow(-1, nope_dim_, rope_dim_), turns)}, -1);
  }

  Seen keys_and_values(const torch::Tensor& input, const Turns& turns) const {
    const auto compressed = linear("kv_a_proj_with_mqa", input);
    const auto latent = rms_norm(compressed.narrow(-1, 0, kv_rank_), of("kv_a_layernorm.weight"), norm_eps_);
    const auto both = split_heads(linear("kv_b_proj", latent), heads_);
    const auto shared = turned_pairs(compressed.narrow(-1, kv_rank_, rope_dim_).unsqueeze(1), turns);
    const auto keys = at::cat({both.narrow(-1, 0, nope_dim_), shared.expand({-1, heads_, -1, -1})}, -1);
    return {keys, both.narrow(-1, nope_dim_, v_dim_), {}, {}};
  }

  torch::Tensor index_keys(const torch::Tensor& input, const Turns& turns) const {
    const auto& weight = of("indexer.k_norm.weight");
    const auto keys =
        at::layer_norm(linear("indexer.wk", input), weight.sizes(), weight, of("indexer.k_norm.bias"), index_norm_eps_);
    return turned_halves(keys.unsqueeze(2), turns).squeeze(2);
  }

  // Which keys a query does not see: those that come later, or are padding. (batch or 1, 1, seq, keys)
  torch::Tensor hidden_from(const torch::Tensor& positions, const Seen& seen, Pass& pass) const {
    auto hidden = positions.unsqueeze(-1) < seen.positions.unsqueeze(-2);
    if (pass.mask().defined()) hidden = hidden.new_zeros(hidden.sizes());  // the caller's mask says it
    hidden = hidden.unsqueeze(1);
    if (const auto& mask = pass.attention_mask(); mask.defined())
      hidden = hidden.logical_or((mask == 0).to(hidden.device()).unsqueeze(1).unsqueeze(1));
    return hidden;
  }

  // Of the keys that each token sees those that are not among the best. (batch, seq, keys)
  torch::Tensor passed_over_by_indexer(const torch::Tensor& input, const torch::Tensor& low, const Turns& turns,
                                       const Seen& seen, const torch::Tensor& unseen, Pass& pass) const {
    const auto keys = seen.keys.size(2);
    auto& shown = pass.shown(name())["passed_over"];
    const auto options = torch::TensorOptions(torch::kBool).device(input.device());
    if (keys <= top_k_) return shown = at::zeros({input.size(0), input.size(1), keys}, options);
    const auto best = std::get<1>(at::topk(index(input, low, turns, seen, unseen, pass), top_k_, -1));
    return shown = at::ones({input.size(0), input.size(1), keys}, options).scatter(-1, best, false);
  }

  torch::Tensor index(const torch::Tensor& input, const torch::Tensor& low, const Turns& turns, const Seen& seen,
                      const torch::Tensor& unseen, Pass& pass) const {
    const auto q = turned_halves(linear("indexer.wq_b", low).unflatten(-1, {index_heads_, -1}), turns);
    const auto k = seen.index_keys.to(torch::kFloat32).transpose(1, 2).unsqueeze(1);
    const auto head_dim = static_cast<double>(q.size(-1)), heads = static_cast<double>(index_heads_);
    const auto scores = at::relu(at::matmul(q.to(torch::kFloat32), k) * std::pow(head_dim, -0.5));
    const auto weights = linear("indexer.weights_proj", input).to(torch::kFloat32) * std::pow(heads, -0.5);
    auto index = at::matmul(weights.unsqueeze(-2), scores).squeeze(-2);
    if (pass.mask().defined()) index = index + pass.mask().to(index.options()).select(1, 0);
    return index.masked_fill(unseen.squeeze(1), -std::numeric_limits<double>::infinity());
  }

  torch::Tensor passed_over_by_other(const torch::Tensor& input, const Seen& seen, Pass& pass) const {
    const auto& shown = pass.shown(chosen_by_)["passed_over"];
    const std::vector<std::int64_t> wanted{input.size(0), input.size(1), seen.keys.size(2)};
    if (!shown.defined() || shown.sizes() != wanted)
      throw garage::Error(garage::Errc::kInvalidArgument,
                          name() + ": looks at the keys that the indexer of '" + chosen_by_ +
                              "' chooses, which has not run over these positions: run what has both");
    return shown.to(input.device());
  }

  // In float32, as the class does it. Of a token that sees nothing all is a number.
  static torch::Tensor softmax(const torch::Tensor& scores, const torch::Tensor& hidden) {
    const auto lowest = static_cast<double>(std::numeric_limits<float>::lowest());
    return at::softmax(scores.to(torch::kFloat32).masked_fill(hidden, lowest), -1).to(scores.scalar_type());
  }

  std::int64_t heads_, nope_dim_, rope_dim_, v_dim_, kv_rank_;
  double scale_, norm_eps_;
  std::int64_t index_heads_ = 0, top_k_ = 0;
  double index_norm_eps_ = 0;
  std::string chosen_by_;  // the attention whose indexer chooses; empty: its own
  std::shared_ptr<garage::nn::PartModule> rope_;
};

}  // namespace

std::shared_ptr<garage::nn::PartModule> make_sparse_attention(const CustomPart& part) {
  return std::make_shared<SparseAttention>(part);
}
