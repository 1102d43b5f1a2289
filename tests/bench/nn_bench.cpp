// What making and running parts costs: `./run bench nn_`. A forward is measured beside a plain torch::nn module that
// computes the same of the same weights, in one run.
#include <cstdio>
#include <fstream>

#include <benchmark/benchmark.h>
#include <torch/nn/modules/linear.h>
#include <torch/torch.h>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>

#include "real_checkpoint.hpp"
#include "test_registry.hpp"

namespace {

using namespace garage;
using namespace garage::test;

constexpr std::int64_t kHidden = 2048, kHeads = 32, kKvHeads = 8, kHeadDim = 64, kInner = 8192, kSequence = 512;
constexpr double kTheta = 500000, kEps = 1e-5;

double resident_mib() {
  std::ifstream status("/proc/self/statm");
  long total = 0, resident = 0;
  status >> total >> resident;
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

// Attention parts of Llama-2-7B (134 MB each), one after another; all stay alive.
void nn_get_module_7b_attention(benchmark::State& state) {
  TestRegistry registry;
  registry->register_model("m", open_checkpoint(llama_2_7b()));
  std::vector<std::shared_ptr<nn::PartModule>> modules{nn::get_module(registry.registry, "m", "attention_0")};
  const auto before = resident_mib();
  int layer = 0;
  for (auto _ : state)
    modules.push_back(nn::get_module(registry.registry, "m", "attention_" + std::to_string(layer++ % 32)));
  state.counters["MB before"] = before;
  state.counters["MB a part"] = (resident_mib() - before) / static_cast<double>(modules.size());
}

// The first part of a model: its headers are read, its files mapped.
void nn_get_first_module_7b_attention(benchmark::State& state) {
  TestRegistry registry;
  registry->register_model("m", open_checkpoint(llama_2_7b()));
  for (auto _ : state) nn::get_module(registry.registry, "m", "attention_3");
}

// --- one Llama layer

torch::nn::Linear linear(std::int64_t in, std::int64_t out) {
  return torch::nn::Linear(torch::nn::LinearOptions(in, out).bias(false));
}

// As one would write it, with tables and mask made once.
struct PlainLayer : torch::nn::Module {
  torch::nn::Linear q{linear(kHidden, kHeads*kHeadDim)}, k{linear(kHidden, kKvHeads*kHeadDim)},
      v{linear(kHidden, kKvHeads*kHeadDim)}, o{linear(kHeads * kHeadDim, kHidden)}, gate{linear(kHidden, kInner)},
      up{linear(kHidden, kInner)}, down{linear(kInner, kHidden)};
  torch::Tensor input_norm = torch::ones(kHidden), post_norm = torch::ones(kHidden), cos, sin, mask;

  PlainLayer() {
    const auto frequencies = 1.0 / torch::pow(kTheta, torch::arange(0, kHeadDim, 2).to(torch::kFloat32) / kHeadDim);
    const auto half = torch::outer(torch::arange(kSequence).to(torch::kFloat32), frequencies);
    const auto angles = torch::cat({half, half}, -1);
    cos = angles.cos();
    sin = angles.sin();
    mask = torch::full({kSequence, kSequence}, -std::numeric_limits<float>::infinity()).triu(1);
  }

  static torch::Tensor rms(const torch::Tensor& x, const torch::Tensor& weight) {
    return weight * (x * torch::rsqrt(x.pow(2).mean(-1, true) + kEps));
  }
  torch::Tensor turned(const torch::Tensor& x) const {
    const auto halves = x.chunk(2, -1);
    return x * cos + torch::cat({-halves[1], halves[0]}, -1) * sin;
  }
  torch::Tensor forward(const torch::Tensor& input) {
    const auto split = [](const torch::Tensor& x) { return x.unflatten(-1, {-1, kHeadDim}).transpose(1, 2); };
    const auto x = rms(input, input_norm);
    const auto queries = turned(split(q(x)));
    const auto keys = turned(split(k(x))).repeat_interleave(kHeads / kKvHeads, 1);
    const auto values = split(v(x)).repeat_interleave(kHeads / kKvHeads, 1);
#if TORCH_VERSION_MAJOR >= 2
    const auto mixed = torch::scaled_dot_product_attention(queries, keys, values, {}, 0, true);
#else
    const auto scores = torch::matmul(queries, keys.transpose(2, 3)) / std::sqrt(static_cast<double>(kHeadDim)) + mask;
    const auto mixed = torch::matmul(torch::softmax(scores, -1), values);
#endif
    const auto between = input + o(mixed.transpose(1, 2).flatten(2));
    const auto y = rms(between, post_norm);
    return between + down(torch::silu(gate(y)) * up(y));
  }
};

struct Layers {
  TestRegistry registry;
  std::shared_ptr<nn::PartModule> ours;
  std::shared_ptr<PlainLayer> plain = std::make_shared<PlainLayer>();
  torch::Tensor input = torch::randn({1, kSequence, kHidden});

  Layers() {
    const torch::NoGradGuard no_grad;
    const auto source = test_data("real-models/meta-llama/Llama-3.2-1B");
    auto tensors = read_tensor_table(source / "tensors.tsv");
    for (auto& tensor : tensors) tensor.dtype = DType::kF32;
    const auto folder = registry.folder / "model";
    auto config = read_text(source / "config.json");
    const std::string scaling = "\"rope_type\": \"llama3\"";
    if (const auto at = config.find(scaling); at != config.npos)
      config.replace(at, scaling.size(), "\"rope_type\": \"default\"");
    write_checkpoint(folder, config, tensors);
    registry->register_model("m", open_checkpoint(folder));
    ours = nn::get_module(registry.registry, "m", "layer_0");
    auto parameters = ours->named_parameters();
    const auto give = [&](torch::nn::Linear& to, const std::string& name) {
      auto from = parameters[name];
      from.normal_(0, 0.02);
      to->weight.copy_(from);
    };
    give(plain->q, "attention_0.q.weight");
    give(plain->k, "attention_0.k.weight");
    give(plain->v, "attention_0.v.weight");
    give(plain->o, "attention_0.o.weight");
    give(plain->gate, "ffn_0.gate.weight");
    give(plain->up, "ffn_0.up.weight");
    give(plain->down, "ffn_0.down.weight");
    for (const auto* norm : {"input_layernorm_0.weight", "post_attention_layernorm_0.weight"})
      parameters[norm].fill_(1);
    const auto off = (ours->forward(input) - plain->forward(input)).abs().max().item<double>();
    std::printf("layer: ours and the plain one differ by at most %.1e\n", off);
  }
  static Layers& get() {
    static Layers layers;
    return layers;
  }
};

void nn_forward_llama_layer(benchmark::State& state) {
  const torch::NoGradGuard no_grad;
  auto& layers = Layers::get();
  for (auto _ : state) benchmark::DoNotOptimize(layers.ours->forward(layers.input));
}

void nn_forward_plain_layer(benchmark::State& state) {
  const torch::NoGradGuard no_grad;
  auto& layers = Layers::get();
  for (auto _ : state) benchmark::DoNotOptimize(layers.plain->forward(layers.input));
}

BENCHMARK(nn_get_module_7b_attention)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(nn_get_first_module_7b_attention)->Unit(benchmark::kMillisecond)->UseRealTime();
// Taken in turns, so that a busy machine is busy for both.
BENCHMARK(nn_forward_llama_layer)->Unit(benchmark::kMillisecond)->UseRealTime()->MinTime(3);
BENCHMARK(nn_forward_plain_layer)->Unit(benchmark::kMillisecond)->UseRealTime()->MinTime(3);
BENCHMARK(nn_forward_llama_layer)
    ->Name("nn_forward_llama_layer/again")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MinTime(3);
BENCHMARK(nn_forward_plain_layer)
    ->Name("nn_forward_plain_layer/again")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MinTime(3);

}  // namespace
