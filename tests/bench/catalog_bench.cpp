// A catalog of 100,000 specs: what is asked of it by whole processes, and what adding one costs.
#include <chrono>
#include <thread>

#include <benchmark/benchmark.h>

#include <fmt/format.h>

#include <garage/find.hpp>
#include <garage/spec_file.hpp>

#include "test_registry.hpp"
#include "whole_process.hpp"

namespace {

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

constexpr int kModels = 100'000;

std::vector<ModelSpec> reference_specs() {
  std::vector<ModelSpec> specs;
  for (const auto& entry : fs::directory_iterator(test_data("specs")))
    if (entry.path().extension() == ".json") specs.push_back(read_spec_file(entry.path()));
  return specs;
}

// The reference models' specs again and again, each with one of 1,000 thetas.
ModelSpec numbered(ModelSpec spec, int i) {
  spec.model_id = fmt::format("org-{}/model-{}", i % 997, i);
  for (auto& [name, part] : spec.parts)
    if (auto* attention = std::get_if<Attention>(&*part.blueprint); attention && attention->position.index() > 0)
      std::get<Rope>(attention->position).theta = 10000 + i / 31 % 1000;
  return spec;
}

const fs::path& large_catalog() {
  static const TemporaryFolder folder;
  static const auto path = [] {
    const auto place = folder / "catalog";
    const auto specs = reference_specs();
    for (int i = 0; i < kModels; ++i) {
      const auto spec = numbered(specs[static_cast<std::size_t>(i) % specs.size()], i);
      write_text(place / (safe_id(spec.model_id) + ".json"), write_spec(spec));
    }
    // What was written in the last 2 s is read again the next time, as it may change unseen.
    std::this_thread::sleep_for(std::chrono::seconds(3));
    return place;
  }();
  return path;
}

// The first time everything is read.
void catalog_100k_first_list(benchmark::State& state) { whole_process(state, large_catalog(), {"list"}); }
void catalog_100k_list(benchmark::State& state) { whole_process(state, large_catalog(), {"list"}); }
void catalog_100k_find(benchmark::State& state) {
  whole_process(state, large_catalog(), {"find", "--type", "attention", "--kv-heads", "2", "--rope-theta", "10123"});
}
void catalog_100k_find_all_of_a_type(benchmark::State& state) {
  whole_process(state, large_catalog(), {"find", "--type", "attention"});
}
void catalog_100k_find_swappable(benchmark::State& state) {
  whole_process(state, large_catalog(),
                {"find", "--swappable-with", "org-123/model-123:attention_0", "--level", "weights"});
}
void catalog_100k_add(benchmark::State& state) {
  const Catalog catalog(large_catalog());
  const auto spec = reference_specs().front();
  int i = kModels;
  for (auto _ : state) catalog.save(numbered(spec, i++));
}
// What a question costs when one spec was added since the last.
void catalog_100k_find_after_one_more(benchmark::State& state) {
  const ModelRegistry registry(test_config(large_catalog()));
  const auto spec = reference_specs().front();
  int i = 2 * kModels;
  for (auto _ : state) {
    registry.catalog().save(numbered(spec, i++));
    benchmark::DoNotOptimize(find_parts(registry, {.type = "attention", .rope_theta = 10123}));
  }
}

BENCHMARK(catalog_100k_first_list)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(catalog_100k_list)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(catalog_100k_find)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(catalog_100k_find_all_of_a_type)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(catalog_100k_find_swappable)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(catalog_100k_add)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(catalog_100k_find_after_one_more)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
