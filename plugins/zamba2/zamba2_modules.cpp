// transformers: Zamba2HybridLayer, Zamba2MambaDecoderLayer, Zamba2AttentionDecoderLayer, Zamba2Attention, Zamba2MLP.
#include <cmath>
#include <limits>
#include <optional>

#include <torch/nn/functional/activation.h>
#include <torch/types.h>

#include <garage/nn/custom_module.hpp>

namespace {

using garage::Errc;
using garage::Error;
using garage::nn::CustomModule;
using garage::nn::CustomPart;
using garage::nn::PartModule;
using garage::nn::Pass;

constexpr const char* kEmbeddings = "first_embeddings";  // the part that shows them, and what it shows
constexpr auto kNever = -std::numeric_limits<double>::infinity();

// Hands on what comes in, which every shared block reads, too.
class FirstEmbeddings : public CustomModule {
 public:
  explicit FirstEmbeddings(const CustomPart& part) : CustomModule(part) {}

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    pass.shown(name())[kEmbeddings] = input;
    return input;
  }
};

// Zamba2RMSNorm
torch::Tensor normed(const torch::Tensor& x, const torch::Tensor& weight, double eps) {
  const auto wide = x.to(torch::kFloat32);
  return weight * (wide * torch::rsqrt(wide.pow(2).mean(-1, /*keepdim=*/true) + eps)).to(x.scalar_type());
}

torch::Tensor rotate_half(const torch::Tensor& x) {
  const auto half = x.size(-1) / 2;
  return torch::cat({-x.narrow(-1, half, half), x.narrow(-1, 0, half)}, -1);
}

class SharedBlock : public CustomModule {
 public:
  explicit SharedBlock(const CustomPart& part)
      : CustomModule(part),
        heads_(part.custom.attributes.at("heads").to_number<std::int64_t>()),
        kv_heads_(part.custom.attributes.at("kv_heads").to_number<std::int64_t>()),
        eps_(part.custom.attributes.at("eps").to_number<double>()) {
    if (const auto* theta = part.custom.attributes.if_contains("theta")) theta_ = theta->to_number<double>();
  }

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    const auto& home = of("input_layernorm.weight");
    require_hidden_states(input, hidden(), home.options());
    const auto both = torch::cat({input, first_embeddings(input, pass)}, -1);
    auto x = attended(normed(both, home, eps_), pass);
    x = normed(x, of("pre_ff_layernorm.weight"), eps_);
    const auto gate_up = adapted("feed_forward.gate_up_proj", "gate_up_adapter", x).chunk(2, -1);
    x = linear("feed_forward.down_proj", torch::nn::functional::gelu(gate_up[0]) * gate_up[1]);
    return linear("linear", x);
  }

 private:
  torch::Tensor first_embeddings(const torch::Tensor& input, Pass& pass) const {
    const auto& shown = pass.shown(kEmbeddings)[kEmbeddings];
    if (!shown.defined() || shown.sizes() != input.sizes())
      throw Error(Errc::kInvalidArgument,
                  name() + ": needs what '" + kEmbeddings +
                      "' shows of the same tokens: run the model, or that part before it with the same state");
    return shown.to(input.options());
  }

  // A projection, and its adapter's, where the layer has one.
  torch::Tensor adapted(const std::string& module, const std::string& adapter, const torch::Tensor& x) const {
    const auto plain = linear(module, x);
    if (!of(adapter + ".down").defined()) return plain;
    namespace functional = torch::nn::functional;
    return plain + functional::linear(functional::linear(x, of(adapter + ".down"), {}), of(adapter + ".up"), {});
  }

  torch::Tensor split(const torch::Tensor& x, std::int64_t heads) const {
    return x.unflatten(-1, {heads, -1}).transpose(1, 2);
  }

  torch::Tensor attended(const torch::Tensor& x, Pass& pass) const {
    auto q = split(adapted("self_attn.q_proj", "q_adapter", x), heads_);
    auto k = split(adapted("self_attn.k_proj", "k_adapter", x), kv_heads_);
    auto v = split(adapted("self_attn.v_proj", "v_adapter", x), kv_heads_);
    auto positions = pass.position_ids(x.device());
    if (theta_) turn(q, k, positions);
    const auto seen = remembered(k, v, positions, pass);
    if (const auto groups = heads_ / kv_heads_; groups > 1) {
      k = k.repeat_interleave(groups, 1);
      v = v.repeat_interleave(groups, 1);
    }
    const auto scale = std::pow(static_cast<double>(q.size(-1)) / 2, -0.5);
    auto scores = torch::matmul(q, k.transpose(2, 3)) * scale;
    if (pass.mask().defined()) scores = scores + pass.mask().to(scores.options());
    else scores = scores.masked_fill((positions.unsqueeze(-1) < seen.unsqueeze(-2)).unsqueeze(1), kNever);
    if (const auto& mask = pass.attention_mask(); mask.defined()) scores = without(scores, mask);
    const auto weights = torch::softmax(scores, -1, torch::kFloat32).to(q.scalar_type());
    return linear("self_attn.o_proj", torch::matmul(weights, v).transpose(1, 2).flatten(2));
  }

  // Keys that are padding do not count. A query that then sees nothing is padding itself, and sees all: what it gives
  // nobody reads, and it is a number.
  static torch::Tensor without(const torch::Tensor& scores, const torch::Tensor& mask) {
    auto hidden = (mask == 0).to(scores.device()).unsqueeze(1).unsqueeze(1);
    const auto all = torch::logical_or(hidden, scores == kNever);
    const auto blind = all.all(-1, /*keepdim=*/true);
    return torch::where(blind, torch::zeros_like(scores), scores.masked_fill(hidden, kNever));
  }

  // Becomes the keys and values of all positions so far; answers these.
  torch::Tensor remembered(torch::Tensor& k, torch::Tensor& v, const torch::Tensor& positions, Pass& pass) const {
    auto* memory = pass.memory(name());
    if (!memory) return positions;
    auto& held = *memory;
    auto all = positions.expand({k.size(0), positions.size(1)});
    const auto before = held["keys"].defined() ? held["keys"].size(2) : 0;
    if (before != pass.seen())
      throw Error(Errc::kInvalidArgument, name() +
                                              ": the state holds keys of another number of positions than came "
                                              "before: one state goes with the whole model");
    if (before > 0) {
      k = torch::cat({held["keys"], k}, 2);
      v = torch::cat({held["values"], v}, 2);
      all = torch::cat({held["position_ids"], all}, 1);
    }
    held["keys"] = k, held["values"] = v, held["position_ids"] = all;
    return all;
  }

  void turn(torch::Tensor& q, torch::Tensor& k, const torch::Tensor& positions) const {
    const auto dims = q.size(-1);
    const auto exponents = torch::arange(0, dims, 2, torch::kFloat32) / static_cast<double>(dims);
    const auto speeds = (1.0 / torch::pow(*theta_, exponents)).to(q.device());
    const auto angles = positions.to(torch::kFloat32).unsqueeze(-1) * speeds;
    const auto all = torch::cat({angles, angles}, -1).unsqueeze(1);
    const auto cos = all.cos().to(q.scalar_type()), sin = all.sin().to(q.scalar_type());
    q = q * cos + rotate_half(q) * sin;
    k = k * cos + rotate_half(k) * sin;
  }

  std::int64_t heads_, kv_heads_;
  double eps_;
  std::optional<double> theta_;
};

// x + mixer(norm(x + block(x)))
class HybridLayer : public CustomModule {
 public:
  explicit HybridLayer(const CustomPart& part)
      : CustomModule(part),
        block_(added(part, 0, "shared_block")),
        norm_(added(part, 1, "norm")),
        mixer_(added(part, 2, "mixer")) {}

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    const auto given = input + block_->forward(input, pass);
    return input + mixer_->forward(norm_->forward(given, pass), pass);
  }

 private:
  std::shared_ptr<PartModule> added(const CustomPart& part, std::size_t at, const char* role) {
    return register_module(role, part.part(part.custom.parts.at(at).part));
  }

  std::shared_ptr<PartModule> block_, norm_, mixer_;
};

template <class Module>
std::shared_ptr<PartModule> make(const CustomPart& part) {
  return std::make_shared<Module>(part);
}

}  // namespace

GARAGE_NN_LIBRARY({{"first_embeddings", &make<FirstEmbeddings>},
                   {"shared_block", &make<SharedBlock>},
                   {"hybrid_layer", &make<HybridLayer>}});
