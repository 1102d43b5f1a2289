// Merges of models of 5 GB against cp and cmp of the same files. Both write to the disk, as `sync` after cp does.
#include <algorithm>
#include <fstream>
#include <optional>
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

// One whole process, and how it is run.
struct Run {
  fs::path program;
  std::vector<std::string> arguments;
};

Run merge_of(const char* recipe) {
  const auto& folder = models().folder;
  return {garage_binary(),
          {"merge", (folder / recipe).string(), "-o", (folder / "out").string(), "--max-shard-size", "50"}};
}

Run command(const std::string& line) {
  return {"/bin/sh", {"-c", "cd " + models().folder.path().string() + " && " + line}};
}

ProgramResult run(const Run& run, Read read) {
  const auto& folder = models().folder;
  fs::remove_all(folder / "out");
  ::sync();  // so that the disk has nothing left to do of the run before
  if (read == Read::from_disk)
    for (const auto* file : {"a/model.safetensors", "b/model.safetensors", "equal.safetensors"}) evict(folder / file);
  return run_program(run.program, run.arguments,
                     {{"GARAGE_CATALOG", (folder / "catalog").string()}, {"HOME", home_folder().string()}});
}

// Ours and another program in turn, since a disk changes from minute to minute: the time is ours, `times` is how many
// times the other's it is. The first run of each is not measured: on a virtual machine it pays for memory that nobody
// had before.
void measure(benchmark::State& state, const Run& ours, const std::optional<Run>& other, Read read = Read::cached) {
  run(ours, read);
  if (other) run(*other, read);
  double seconds = 0, other_seconds = 0;
  long rss = 0;
  for (auto _ : state) {
    const auto result = run(ours, read);
    if (result.code != 0) return state.SkipWithError(result.err.c_str());
    state.SetIterationTime(result.seconds);
    seconds += result.seconds;
    rss = std::max(rss, result.max_rss_kib);
    if (other) other_seconds += run(*other, read).seconds;
  }
  state.counters["MB"] = static_cast<double>(rss) / 1024;
  if (other) state.counters["times"] = seconds / other_seconds;
}

// Of equal files, so that both are read to their last byte, and nothing is printed.
Run cmp_of_equal_files() {
  const auto a = models().folder / "a/model.safetensors", copy = models().folder / "equal.safetensors";
  if (!fs::exists(copy)) fs::copy_file(a, copy);
  return command("cmp a/model.safetensors equal.safetensors");
}

void merge_passthrough_5gb_to_cp(benchmark::State& state) {
  measure(state, merge_of("copied.yaml"),
          command("mkdir out && cp a/model.safetensors out && sync out/model.safetensors"));
}
void merge_linear_5gb_to_cmp(benchmark::State& state) { measure(state, merge_of("linear.yaml"), cmp_of_equal_files()); }
void merge_linear_5gb_to_cmp_from_disk(benchmark::State& state) {
  measure(state, merge_of("linear.yaml"), cmp_of_equal_files(), Read::from_disk);
}
void merge_ties_5gb(benchmark::State& state) { measure(state, merge_of("ties.yaml"), std::nullopt); }

BENCHMARK(merge_passthrough_5gb_to_cp)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(5);
BENCHMARK(merge_linear_5gb_to_cmp)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(5);
BENCHMARK(merge_linear_5gb_to_cmp_from_disk)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(5);
BENCHMARK(merge_ties_5gb)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
