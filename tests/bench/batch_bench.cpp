// Batches of checkpoints of Llama-2-7B's size: how many a second, the first time and when nothing changed.
#include <benchmark/benchmark.h>

#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include "real_checkpoint.hpp"
#include "test_registry.hpp"
#include "whole_process.hpp"

namespace {

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

// Holds all that is written here until the end: a file system may be slow to make files where many were just removed.
fs::path new_folder() {
  static const TemporaryFolder all;
  static int count = 0;
  const auto folder = all / std::to_string(count++);
  fs::create_directory(folder);
  return folder;
}

// So many folders; the files in them are links to those of one checkpoint.
struct Store {
  fs::path folder = new_folder();
  fs::path config = folder / "models.yaml";

  explicit Store(std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      const auto place = folder / fmt::format("models/m{}", i);
      fs::create_directories(place);
      for (const auto& file : fs::directory_iterator(llama_2_7b())) fs::create_hard_link(file, place / file.path().filename());
    }
    ::sync();  // these writes are no batch's
    // Each link changed its file; what changed in the last two seconds is no file that a batch takes for known.
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    write_text(config, "models:\n  - {glob: \"" + (folder / "models/*").string() + "\"}\n");
  }
};

void run(benchmark::State& state, bool again) {
  const Store store(state.range(0));
  long rss = 0;
  double seconds = 0;
  for (auto _ : state) {
    const auto catalog = again ? store.folder / "catalog" : new_folder();
    const auto batch = [&] {
      return run_program(garage_binary(), {"batch", store.config.string()},
                         {{"GARAGE_CATALOG", catalog.string()}, {"HOME", home_folder().string()}});
    };
    if (again && !fs::exists(catalog)) batch();
    const auto result = batch();
    if (result.code != 0) return state.SkipWithError(result.err.c_str());
    state.SetIterationTime(result.seconds);
    seconds += result.seconds;
    rss = std::max(rss, result.max_rss_kib);
  }
  state.counters["models a second"] = static_cast<double>(state.iterations() * state.range(0)) / seconds;
  state.counters["MB"] = static_cast<double>(rss) / 1024;
}

void batch_of_7b(benchmark::State& state) { run(state, false); }
void batch_of_7b_unchanged(benchmark::State& state) { run(state, true); }

BENCHMARK(batch_of_7b)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(1)->Arg(100)->Arg(1000)->Arg(10000);
BENCHMARK(batch_of_7b_unchanged)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(1)->Arg(100)->Arg(1000)->Arg(10000);

}  // namespace
