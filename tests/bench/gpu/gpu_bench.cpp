// What a GPU gives: `./run bench gpu`. The model is the folder that GARAGE_BENCH_MODEL names (peer.py makes one); without
// it, Llama-2-7B in a sparse file, all zeros, which loads as any. peer.py measures transformers beside it.
#include <chrono>
#include <cstdlib>

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <benchmark/benchmark.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <garage/checkpoint.hpp>
#include <garage/nn/generate.hpp>
#include <garage/nn/get_module.hpp>

#include "large_gguf.hpp"
#include "real_checkpoint.hpp"
#include "test_registry.hpp"

namespace {

using namespace garage;
using namespace garage::test;

constexpr std::int64_t kTokens = 2048, kNewTokens = 64, kPrompt = 32;

const torch::Device kGpu(torch::kCUDA, 0);

void wait_for_gpu() { at::detail::getCUDAHooks().deviceSynchronize(0); }

struct Model {
  TestRegistry registry;
  std::int64_t hidden = 0;
  std::shared_ptr<nn::PartModule> opened;  // as for whoever has a part: the files stay open

  Model() {
    const auto* given = std::getenv("GARAGE_BENCH_MODEL");
    registry->register_model("m", open_checkpoint(given ? given : llama_2_7b()));
    hidden = registry->get_spec("m")->hidden_dim;
    if (at::globalContext().hasCUDA()) opened = part("norm");
  }
  static Model& get() {
    static Model model;
    return model;
  }
  nn::ModuleOptions on_gpu() const { return {.device = kGpu, .dtype = torch::kBFloat16}; }
  std::shared_ptr<nn::PartModule> part(const std::string& name) { return nn::get_module(registry.registry, "m", name, on_gpu()); }
  std::shared_ptr<nn::PartModule> whole() { return nn::load_model(registry.registry, "m", on_gpu()); }
};

double bytes_of(const torch::nn::Module& module) {
  double bytes = 0;
  for (const auto& parameter : module.parameters()) bytes += static_cast<double>(parameter.nbytes());
  return bytes;
}

bool is_skipped(benchmark::State& state) {
  if (at::globalContext().hasCUDA()) return false;
  state.SkipWithError("no CUDA device");
  return true;
}

template <class Get>
void loading(benchmark::State& state, Get get) {
  if (is_skipped(state)) return;
  double bytes = 0;
  for (auto _ : state) {
    const auto module = get();
    wait_for_gpu();
    state.PauseTiming();
    bytes = bytes_of(*module);
    state.ResumeTiming();
  }
  state.counters["GB/s"] = benchmark::Counter(bytes * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["GB"] = bytes * 1e-9;
}

void gpu_load_attention(benchmark::State& state) {
  loading(state, [] { return Model::get().part("attention_1"); });
}
void gpu_load_ffn(benchmark::State& state) {
  loading(state, [] { return Model::get().part("ffn_1"); });
}
void gpu_load_model(benchmark::State& state) {
  loading(state, [] { return Model::get().whole(); });
}

// A layer of a Llama of 70 billion parameters in Q4_K: 855,654,400 numbers in 481 MB. The numbers as bfloat16 are what is
// counted.
struct Packed {
  LargeGguf gguf;
  TestRegistry registry;

  Packed() { registry->register_model("m", open_checkpoint(gguf.path)); }
  static Packed& get() {
    static Packed packed;
    return packed;
  }
  std::shared_ptr<nn::PartModule> layer(torch::Device device, bool keep_packed = false) {
    nn::ModuleOptions options{.device = device, .dtype = torch::kBFloat16};
    options.keep_packed = keep_packed;
    return nn::get_module(registry.registry, "m", "layer_1", options);
  }
};

void gpu_load_q4k_layer(benchmark::State& state) {
  loading(state, [] { return Packed::get().layer(kGpu); });
}
// Decoded here, and moved.
void gpu_load_q4k_layer_by_cpu(benchmark::State& state) {
  loading(state, [] {
    auto layer = Packed::get().layer(torch::kCPU);
    layer->to(kGpu);
    return layer;
  });
}

// As peer.py does: many in a row, and one wait.
void forward(benchmark::State& state, const std::shared_ptr<nn::PartModule>& module, const torch::Tensor& input,
             int times) {
  const torch::NoGradGuard no_grad;
  module->forward(input);
  wait_for_gpu();
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < times; ++i) module->forward(input);
    wait_for_gpu();
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / times);
  }
}

torch::Tensor states() {
  return torch::randn({1, kTokens, Model::get().hidden}, torch::TensorOptions(kGpu).dtype(torch::kBFloat16));
}

void gpu_forward_attention(benchmark::State& state) {
  if (!is_skipped(state)) forward(state, Model::get().part("attention_1"), states(), 20);
}
void gpu_forward_layer(benchmark::State& state) {
  if (!is_skipped(state)) forward(state, Model::get().part("layer_1"), states(), 20);
}
void gpu_forward_q4k_layer_packed(benchmark::State& state) {
  if (is_skipped(state)) return;
  const auto token = torch::zeros({1, 1, 8192}, torch::TensorOptions(kGpu).dtype(torch::kBFloat16));
  forward(state, Packed::get().layer(kGpu, true), token, 20);
}
void gpu_forward_model(benchmark::State& state) {
  if (is_skipped(state)) return;
  const auto ids = torch::randint(1000, {1, kTokens}, torch::TensorOptions(kGpu).dtype(torch::kInt64));
  forward(state, Model::get().whole(), ids, 1);
}

// A token's time, once the step is captured.
void gpu_decode_token(benchmark::State& state) {
  if (is_skipped(state)) return;
  nn::Steps steps(Model::get().whole());
  auto next = steps.next(torch::arange(1, 1 + kPrompt).unsqueeze(0)).argmax(-1, true);
  for (int i = 0; i < 4; ++i) next = steps.next(next.to(torch::kCPU)).argmax(-1, true);
  wait_for_gpu();
  for (auto _ : state) next = steps.next(next.to(torch::kCPU)).argmax(-1, true);
  wait_for_gpu();
  state.counters["captured"] = steps.is_captured();
}

BENCHMARK(gpu_load_attention)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(1)->Repetitions(6);
BENCHMARK(gpu_load_ffn)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(1)->Repetitions(6);
BENCHMARK(gpu_load_model)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(1)->Repetitions(6);
BENCHMARK(gpu_load_q4k_layer)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(1)->Repetitions(6);
BENCHMARK(gpu_load_q4k_layer_by_cpu)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(1)->Repetitions(3);
BENCHMARK(gpu_forward_attention)->Unit(benchmark::kMillisecond)->UseManualTime()->Iterations(1)->Repetitions(5);
BENCHMARK(gpu_forward_layer)->Unit(benchmark::kMillisecond)->UseManualTime()->Iterations(1)->Repetitions(5);
BENCHMARK(gpu_forward_q4k_layer_packed)->Unit(benchmark::kMillisecond)->UseManualTime()->Iterations(1)->Repetitions(5);
BENCHMARK(gpu_forward_model)->Unit(benchmark::kMillisecond)->UseManualTime()->Iterations(1)->Repetitions(5);
BENCHMARK(gpu_decode_token)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(kNewTokens)->Repetitions(5);

}  // namespace
