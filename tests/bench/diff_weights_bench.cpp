// diff-weights against cmp: both read two checkpoints of some 5 GB; a few tensors of one were changed.
#include <fstream>

#include <benchmark/benchmark.h>

#include <garage/checkpoint.hpp>
#include <garage/safetensors.hpp>

#include "real_checkpoint.hpp"
#include "test_registry.hpp"
#include "whole_process.hpp"

namespace {

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

// Two checkpoints of the size of Gemma 2B, sparse but for what differs: every 97th number of a layer of the second.
struct Pair {
  TemporaryFolder folder;
  fs::path a = folder / "a", b = folder / "b", same = folder / "same";

  Pair() {
    const auto source = test_data("real-models/google/gemma-2b");
    for (const auto& place : {a, b, same})
      write_checkpoint(place, read_text(source / "config.json"), read_tensor_table(source / "tensors.tsv"));
    std::fstream file(b / "model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
    const auto header = read_safetensors_header(b / "model.safetensors");
    for (const auto& entry : header.entries)
      if (entry.tensor.name.starts_with("model.layers.3."))
        for (auto at = entry.begin; at + 1 < entry.end; at += 2 * 97) {
          file.seekp(static_cast<std::streamoff>(header.data_begin + at));
          file.write("\x80\x3f", 2);  // 1 in bfloat16
        }
    ModelRegistry registry(test_config(folder / "catalog"));
    registry.register_model("a", open_checkpoint(a));
    registry.register_model("b", open_checkpoint(b));
  }
};

const Pair& pair() {
  static const Pair made;
  return made;
}

void diff_weights_5gb(benchmark::State& state) {
  whole_process(state, pair().folder / "catalog", {"diff-weights", "a", "b"});
}

// Of equal files: of others it reads no further than the first difference.
void diff_weights_5gb_by_cmp(benchmark::State& state) {
  for (auto _ : state) {
    const auto result = run_program(
        "/usr/bin/cmp", {(pair().a / "model.safetensors").string(), (pair().same / "model.safetensors").string()});
    if (result.code != 0) return state.SkipWithError(result.err.c_str());
    state.SetIterationTime(result.seconds);
  }
}

BENCHMARK(diff_weights_5gb)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK(diff_weights_5gb_by_cmp)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(3);

}  // namespace
