// Merges of models of 5 GB against cp and cmp of the same files. Both write to the disk, as `sync` after cp does.
#include <algorithm>
#include <fstream>
#include <random>

#include <fcntl.h>
#include <unistd.h>

#include <benchmark/benchmark.h>

#include "real_checkpoint.hpp"
#include "test_registry.hpp"
#include "whole_process.hpp"

namespace {

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

// Two checkpoints of the size of Gemma 2B, full of numbers around 0.
struct Models {
  TemporaryFolder folder;

  Models() {
    const auto source = test_data("real-models/google/gemma-2b");
    for (const auto* name : {"a", "b"}) {
      write_checkpoint(folder / name, read_text(source / "config.json"), read_tensor_table(source / "tensors.tsv"));
      fill(folder / name / "model.safetensors", name[0]);
    }
    write_text(folder / "copied.yaml", "merge_method: passthrough\nmodels: [{model: a}]\n");
    write_text(folder / "linear.yaml",
               "merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: b}]\ndtype: bfloat16\n");
    write_text(folder / "ties.yaml",
               "merge_method: ties\nparameters: {weight: 1, density: 0.5}\nbase_model: a\nmodels: [{model: b}]\ndtype: "
               "bfloat16\n");
  }

 private:
  static void fill(const fs::path& file, unsigned seed) {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    std::uint64_t header = 0;
    out.read(reinterpret_cast<char*>(&header), sizeof header);
    const auto begin = 8 + header, size = fs::file_size(file) - begin;
    std::mt19937 random(seed);
    std::vector<std::uint16_t> numbers(1 << 20);
    out.seekp(static_cast<std::streamoff>(begin));
    for (std::uint64_t done = 0; done < size;) {
      // bfloat16 between 2^-8 and 2, of either sign.
      for (auto& number : numbers)
        number = static_cast<std::uint16_t>(0x3b80 + (random() % 0x0480) + ((random() & 1) << 15));
      const auto some = std::min<std::uint64_t>(size - done, numbers.size() * sizeof(std::uint16_t));
      out.write(reinterpret_cast<const char*>(numbers.data()), static_cast<std::streamsize>(some));
      done += some;
    }
  }
};

const Models& models() {
  static const Models made;
  return made;
}

enum class Read { cached, from_disk };

void evict(const fs::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  ::close(descriptor);
}

// The first run is not measured: on a virtual machine it pays for memory that nobody had before. Nor is what the disk
// still does for the run before.
void measure(benchmark::State& state, const fs::path& program, const std::vector<std::string>& arguments,
             Read read = Read::cached) {
  const auto& folder = models().folder;
  long rss = 0;
  const auto run = [&] {
    fs::remove_all(folder / "out");
    ::sync();
    if (read == Read::from_disk)
      for (const auto* file : {"a/model.safetensors", "b/model.safetensors", "equal.safetensors"}) evict(folder / file);
    return run_program(program, arguments,
                       {{"GARAGE_CATALOG", (folder / "catalog").string()}, {"HOME", home_folder().string()}});
  };
  run();
  for (auto _ : state) {
    const auto result = run();
    if (result.code != 0) return state.SkipWithError(result.err.c_str());
    state.SetIterationTime(result.seconds);
    rss = std::max(rss, result.max_rss_kib);
  }
  state.counters["MB"] = static_cast<double>(rss) / 1024;
}

void merge_of(benchmark::State& state, const char* recipe, Read read = Read::cached) {
  const auto& folder = models().folder;
  measure(state, garage_binary(),
          {"merge", (folder / recipe).string(), "-o", (folder / "out").string(), "--max-shard-size", "50"}, read);
}

void command(benchmark::State& state, const char* line, Read read = Read::cached) {
  measure(state, "/bin/sh", {"-c", "cd " + models().folder.path().string() + " && " + line}, read);
}

void merge_passthrough_5gb(benchmark::State& state) { merge_of(state, "copied.yaml"); }
void merge_passthrough_5gb_by_cp(benchmark::State& state) {
  command(state, "mkdir out && cp a/model.safetensors out && sync out/model.safetensors");
}
void merge_linear_5gb(benchmark::State& state) { merge_of(state, "linear.yaml"); }
// Of equal files, so that both are read to their last byte, and nothing is printed.
void by_cmp(benchmark::State& state, Read read) {
  const auto a = models().folder / "a/model.safetensors";
  const auto copy = models().folder / "equal.safetensors";
  if (!fs::exists(copy)) fs::copy_file(a, copy);
  command(state, "cmp a/model.safetensors equal.safetensors", read);
}
void merge_linear_5gb_by_cmp(benchmark::State& state) { by_cmp(state, Read::cached); }
void merge_linear_5gb_from_disk(benchmark::State& state) { merge_of(state, "linear.yaml", Read::from_disk); }
void merge_linear_5gb_from_disk_by_cmp(benchmark::State& state) { by_cmp(state, Read::from_disk); }
void merge_ties_5gb(benchmark::State& state) { merge_of(state, "ties.yaml"); }

BENCHMARK(merge_passthrough_5gb)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK(merge_passthrough_5gb_by_cp)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK(merge_linear_5gb)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK(merge_linear_5gb_by_cmp)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK(merge_linear_5gb_from_disk)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK(merge_linear_5gb_from_disk_by_cmp)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK(merge_ties_5gb)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
