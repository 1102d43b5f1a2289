// RwkvSelfAttention with rwkv_linear_attention_cpu, and RwkvFeedForward (modeling_rwkv.py).
#include <limits>
#include <string>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <garage/nn/custom_module.hpp>

namespace {

using garage::nn::CustomPart;
using garage::nn::Memory;
using garage::nn::Pass;

// What both mixes do: each token counts together with the one before it.
class Mix : public garage::nn::CustomModule {
 protected:
  explicit Mix(const CustomPart& part) : CustomModule(part) {}

  // x (batch, seq, hidden), and the same one position later. before is (batch, 1, hidden), what stands before x, or
  // undefined, which is zeros; it becomes what stands before what comes next.
  struct Shifted {
    torch::Tensor x, before;
  };
  static Shifted shifted(const torch::Tensor& x, torch::Tensor& before) {
    if (!before.defined()) before = torch::zeros({x.size(0), 1, x.size(2)}, x.options());
    const auto all = at::cat({before, x}, 1);
    before = all.narrow(1, x.size(1), 1);
    return {x, all.narrow(1, 0, x.size(1))};
  }

  torch::Tensor mixed(const char* with, const Shifted& at) const {
    const auto& share = of(std::string("time_mix_") + with);
    return linear(with, at.x * share + at.before * (1 - share));
  }
};

class ChannelMix : public Mix {
 public:
  explicit ChannelMix(const CustomPart& part) : Mix(part) {}

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    require_hidden_states(input, hidden(), of("key.weight").options());
    auto* memory = pass.memory(name());
    Memory nothing;
    const auto both = shifted(pass.without_padding(input), (memory ? *memory : nothing)["before"]);
    const auto key = at::relu(mixed("key", both)).square();
    return at::sigmoid(mixed("receptance", both)) * linear("value", key);
  }
};

class TimeMix : public Mix {
 public:
  explicit TimeMix(const CustomPart& part) : Mix(part) {}

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    require_hidden_states(input, hidden(), of("key.weight").options());
    auto* memory = pass.memory(name());
    Memory nothing;
    auto& kept = memory ? *memory : nothing;
    const auto both = shifted(pass.without_padding(input), kept["before"]);
    const auto key = without_padding(mixed("key", both).to(torch::kFloat32), pass);
    const auto looked = pass.without_padding(average(key, mixed("value", both), kept));
    return linear("output", at::sigmoid(mixed("receptance", both)) * looked);
  }

 private:
  // A key of -infinity weighs nothing.
  static torch::Tensor without_padding(const torch::Tensor& key, Pass& pass) {
    if (!pass.attention_mask().defined()) return key;
    const auto counts = pass.without_padding(torch::ones({key.size(0), key.size(1), 1}, key.options()));
    return key.masked_fill(counts == 0, -std::numeric_limits<double>::infinity());
  }

  // Of the values so far an average, weighed by exp(key), and less the longer ago. Numerator and denominator are kept
  // divided by exp(most), so that they stay small: (batch, width), float32.
  torch::Tensor average(const torch::Tensor& key, const torch::Tensor& value, Memory& kept) const {
    auto &sum = kept["sum"], &weight = kept["weight"], &most = kept["most"];
    if (!sum.defined()) {
      sum = torch::zeros({key.size(0), key.size(2)}, key.options());
      weight = at::zeros_like(sum);
      most = at::full_like(sum, -1e38);
    }
    const auto decay = -at::exp(of("time_decay")), first = of("time_first");
    std::vector<torch::Tensor> averages;
    for (std::int64_t t = 0; t < key.size(1); ++t) {
      const auto k = key.select(1, t), v = value.select(1, t);
      const auto top = at::maximum(most, k + first);
      const auto before = at::exp(most - top), now = at::exp(k + first - top);
      averages.push_back(((before * sum + now * v) / (before * weight + now)).to(value.scalar_type()));
      const auto next = at::maximum(most + decay, k);
      const auto faded = at::exp(most + decay - next), added = at::exp(k - next);
      sum = faded * sum + added * v;
      weight = faded * weight + added;
      most = next;
    }
    return averages.empty() ? value : at::stack(averages, 1);
  }
};

std::shared_ptr<garage::nn::PartModule> make_time_mix(const CustomPart& part) {
  return std::make_shared<TimeMix>(part);
}
std::shared_ptr<garage::nn::PartModule> make_channel_mix(const CustomPart& part) {
  return std::make_shared<ChannelMix>(part);
}

}  // namespace

GARAGE_NN_LIBRARY({{"time_mix", &make_time_mix}, {"channel_mix", &make_channel_mix}});
