// Gemma 3n's layers (transformers: modeling_gemma3n.py). Streams lie side by side in the last dimension, (batch, seq,
// streams * hidden), which transformers stacks as [streams, batch, seq, hidden].
#include <cmath>
#include <map>

#include <torch/nn/functional/linear.h>
#include <torch/types.h>

#include <garage/nn/custom_module.hpp>

#include "own_modules.hpp"

namespace {

using garage::nn::CustomModule;
using garage::nn::CustomPart;
using garage::nn::Pass;

std::int64_t whole(const CustomPart& part, const char* attribute) {
  return part.custom.attributes.at(attribute).to_number<std::int64_t>();
}
double number(const CustomPart& part, const char* attribute) {
  return part.custom.attributes.at(attribute).to_number<double>();
}

// x as strong as the first stream is: times target / sqrt(mean(x^2)), (…, 1).
torch::Tensor as_strong(const torch::Tensor& x, const torch::Tensor& target) {
  const auto strength = x.pow(2).mean(-1, /*keepdim=*/true).clamp_min(1e-5).sqrt();
  return x * target / strength;
}
torch::Tensor strength_of(const torch::Tensor& x) { return x.pow(2).mean(-1, /*keepdim=*/true).pow(0.5); }

// Of one stream all: the first as it is, the others projections of it.
class AltUp : public CustomModule {
 public:
  explicit AltUp(const CustomPart& part) : CustomModule(part), streams_(whole(part, "streams")) {}

 protected:
  torch::Tensor compute(const torch::Tensor& x, Pass&) override {
    const auto target = strength_of(x);
    std::vector<torch::Tensor> streams{x};
    for (std::int64_t i = 1; i < streams_; ++i)
      streams.push_back(as_strong(linear("altup_projections." + std::to_string(i - 1), x), target));
    return torch::cat(streams, -1);
  }

 private:
  std::int64_t streams_;
};

// Of all streams one: the mean of the first and of projections of the others.
class AltUpUnembed : public CustomModule {
 public:
  explicit AltUpUnembed(const CustomPart& part) : CustomModule(part), streams_(whole(part, "streams")) {}

 protected:
  torch::Tensor compute(const torch::Tensor& x, Pass&) override {
    auto streams = x.chunk(streams_, -1);
    const auto target = strength_of(streams.front());
    for (std::size_t i = 1; i < streams.size(); ++i)
      streams[i] = as_strong(linear("altup_unembed_projections." + std::to_string(i - 1), streams[i]), target);
    return torch::stack(streams).mean(0);
  }

 private:
  std::int64_t streams_;
};

// x + norm(right(left(x)))
class Laurel : public CustomModule {
 public:
  explicit Laurel(const CustomPart& part) : CustomModule(part), eps_(number(part, "norm_eps")) {}

 protected:
  torch::Tensor compute(const torch::Tensor& x, Pass&) override {
    require_hidden_states(x, hidden(), of("linear_left.weight").options());
    return x + gemma_rms_norm(linear("linear_right", linear("linear_left", x)), of("post_laurel_norm.weight"), eps_);
  }

 private:
  double eps_;
};

// A gated feed-forward of whose gates only the largest count: those above mean + deviation * the quantile of the share.
class SparseMlp : public CustomModule {
 public:
  explicit SparseMlp(const CustomPart& part) : CustomModule(part), custom_(part.custom) {
    // torch.distributions.Normal(0, 1).icdf, in float32.
    const auto share = torch::tensor(number(part, "sparsity"), torch::kFloat32);
    quantile_ = (torch::erfinv(2 * share - 1) * std::sqrt(2.0)).to(of("gate_proj.weight").options());
  }

 protected:
  torch::Tensor compute(const torch::Tensor& x, Pass&) override {
    require_hidden_states(x, hidden(), of("gate_proj.weight").options());
    const auto gate = linear("gate_proj", x);
    const auto cutoff = gate.mean(-1, true) + gate.std(-1, /*unbiased=*/false, /*keepdim=*/true) * quantile_;
    return linear("down_proj", gemma_activation(name(), custom_, torch::relu(gate - cutoff)) * linear("up_proj", x));
  }

 private:
  garage::Custom custom_;
  torch::Tensor quantile_;
};

// The parts of a layer, in the order of Gemma 3n's decomposition.
enum Member {
  kInputNorm,
  kLaurel,
  kAttention,
  kPostAttention,
  kPreMlp,
  kMlp,
  kPostMlp,
  kPerLayerInput,
  kPostInput,
  kMembers
};

// Gemma3nTextDecoderLayer and its AltUp.
class Gemma3nLayer : public CustomModule {
 public:
  explicit Gemma3nLayer(const CustomPart& part)
      : CustomModule(part),
        streams_(whole(part, "streams")),
        active_(whole(part, "active")),
        scales_output_(part.custom.attributes.at("scales_output").as_bool()),
        eps_(number(part, "norm_eps")) {
    if (part.custom.parts.size() != kMembers)
      throw garage::Error(garage::Errc::kCorrupt, part.name + ": has " + std::to_string(part.custom.parts.size()) +
                                                      " parts, a layer of Gemma 3n has " + std::to_string(kMembers));
    for (const auto& member : part.custom.parts)
      members_.push_back(register_module(member.part, part.part(member.part)));
  }

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    require_hidden_states(input, hidden(), of("modality_router.weight").options());
    const auto run = [&](Member member, const torch::Tensor& x) {
      return members_[static_cast<std::size_t>(member)]->forward(x, pass);
    };
    const auto predictions = predict(input.unflatten(-1, {streams_, -1}));
    const auto x = predictions.select(-2, active_);
    const auto normed = run(kInputNorm, x);
    const auto laurel = run(kLaurel, normed);
    const auto attended = x + run(kPostAttention, run(kAttention, normed));
    const auto both = (attended + laurel) / std::sqrt(2.0);
    const auto activated = both + run(kPostMlp, run(kMlp, run(kPreMlp, both)));
    auto corrected = correct(predictions, activated);
    auto first = corrected.select(-2, active_);
    if (scales_output_) first = first * of("correct_output_scale");
    const auto given = run(kPostInput, run(kPerLayerInput, first.contiguous()));
    const auto others = corrected.narrow(-2, 1, streams_ - 1) + given.unsqueeze(-2);
    return torch::cat({corrected.narrow(-2, 0, 1), others}, -2).flatten(-2);
  }

 private:
  // (batch, seq, streams): how far the stream that layers read is of each kind.
  torch::Tensor modalities(const torch::Tensor& x) const {
    const auto scale = torch::tensor(1.0 / static_cast<double>(x.size(-1)), x.options());
    const auto routed = linear("modality_router", gemma_rms_norm(x, of("router_norm.weight"), eps_) * scale);
    return torch::tanh(routed.to(torch::kFloat32)).to(x.scalar_type());
  }

  // streams (batch, seq, streams, hidden): each plus what the layer's map makes of all.
  torch::Tensor predict(const torch::Tensor& streams) const {
    const auto map = linear("prediction_coefs", modalities(streams.select(-2, active_)));
    return torch::matmul(map.unflatten(-1, {streams_, streams_}), streams) + streams;
  }

  torch::Tensor correct(const torch::Tensor& predictions, const torch::Tensor& activated) const {
    const auto innovation = activated - predictions.select(-2, active_);
    const auto shares = linear("correction_coefs", modalities(activated)) + 1.0;
    return predictions + shares.unsqueeze(-1) * innovation.unsqueeze(-2);
  }

  std::int64_t streams_, active_;
  bool scales_output_;
  double eps_;
  std::vector<std::shared_ptr<garage::nn::PartModule>> members_;
};

}  // namespace

GemmaModule make_altup(const CustomPart& part) { return std::make_shared<AltUp>(part); }
GemmaModule make_altup_unembed(const CustomPart& part) { return std::make_shared<AltUpUnembed>(part); }
GemmaModule make_laurel(const CustomPart& part) { return std::make_shared<Laurel>(part); }
GemmaModule make_sparse_mlp(const CustomPart& part) { return std::make_shared<SparseMlp>(part); }
GemmaModule make_gemma3n_layer(const CustomPart& part) { return std::make_shared<Gemma3nLayer>(part); }
