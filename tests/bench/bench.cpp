// The budgets of the design, measured: `./run bench`. Whole processes are timed from spawn to exit, with their largest
// resident memory; checkpoints are sparse files of the real size.
#include <memory>

#include <benchmark/benchmark.h>

#include <garage/checkpoint.hpp>

#include "real_checkpoint.hpp"
#include "test_registry.hpp"
#include "whole_process.hpp"

namespace {

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

const fs::path& qwen3_235b() { return real_checkpoint("Qwen/Qwen3-235B-A22B", 118); }
const fs::path& llama_405b() { return real_checkpoint("meta-llama/Llama-3.1-405B", 191); }

// A catalog with all the models that the tests have.
const fs::path& catalog() {
  static TemporaryFolder folder;
  static const auto path = [] {
    ModelRegistry registry(test_config(folder / "catalog"));
    registry.register_model("llama-2-7b", open_checkpoint(llama_2_7b()));
    registry.register_model("llama-405b", open_checkpoint(llama_405b()));
    registry.register_model("gpt2", open_checkpoint(real_checkpoint("openai-community/gpt2", 1)));
    registry.register_model("llama-3-8b", open_checkpoint(real_checkpoint("meta-llama/Meta-Llama-3-8B", 4)));
    registry.register_model("llama-3.2-1b", open_checkpoint(real_checkpoint("meta-llama/Llama-3.2-1B", 1)));
    return folder / "catalog";
  }();
  return path;
}

void process_list(benchmark::State& state) { whole_process(state, catalog(), {"list"}); }
void process_show(benchmark::State& state) { whole_process(state, catalog(), {"show", "llama-2-7b"}); }
void process_register_7b(benchmark::State& state) {
  const TemporaryFolder folder;
  whole_process(state, folder / "catalog", {"register", "m", llama_2_7b().string()});
}

std::string with_all_replaced(std::string text, std::string_view from, const std::string& to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

// 200 plugins more than ours, of which one is needed; each file was tried before, as it is after the first time.
void register_7b_of_200_more(benchmark::State& state, const std::string& plugin) {
  const TemporaryFolder folder;
  for (int i = 0; i < 200; ++i) {
    const auto name = "plugin" + std::to_string(1000 + i).substr(1);
    write_text(folder / ("plugins/libgarage-" + name + ".so"), with_all_replaced(plugin, "plugin000", name));
  }
  const std::vector<std::string> arguments{"--plugins", (folder / "plugins").string(), "register", "m",
                                           llama_2_7b().string()};
  const auto first = run_program(garage_binary(), arguments,
                                 {{"GARAGE_CATALOG", (folder / "catalog").string()}, {"HOME", folder.path().string()}});
  if (first.code != 0) return state.SkipWithError(first.err.c_str());
  state.counters["first ms"] = first.seconds * 1000;
  whole_process(state, folder / "catalog", arguments, folder.path());
}

// They say which models they take, as all do that are written with the SDK.
void process_register_7b_of_200_more(benchmark::State& state) {
  register_7b_of_200_more(state, read_text(GARAGE_BENCH_PLUGIN));
}

// They do not, so each is opened and asked.
void process_register_7b_of_200_asked(benchmark::State& state) {
  register_7b_of_200_more(state, with_all_replaced(read_text(GARAGE_BENCH_PLUGIN), "model_types", "model_typos"));
}

// Each time as a new model, as a first registration is.
void in_process(benchmark::State& state, const fs::path& checkpoint) {
  TestRegistry registry;
  registry->register_model("first", open_checkpoint(checkpoint));  // opens the plugins
  int count = 0;
  for (auto _ : state) registry->register_model("m" + std::to_string(count++), open_checkpoint(checkpoint));
}

void register_7b(benchmark::State& state) { in_process(state, llama_2_7b()); }
void register_405b(benchmark::State& state) { in_process(state, llama_405b()); }
void register_235b(benchmark::State& state) { in_process(state, qwen3_235b()); }

BENCHMARK(process_list)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(process_show)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(process_register_7b)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(process_register_7b_of_200_more)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(process_register_7b_of_200_asked)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(register_7b)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(register_405b)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(register_235b)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
