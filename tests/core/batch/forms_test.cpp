// Batches over models in all the forms that they lie in on disk.
#include <garage/batch.hpp>

#include <catch2/catch_test_macros.hpp>

#include "entries.hpp"
#include "run_program.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

struct Store {
  TestRegistry registry;
  fs::path store = registry.folder / "store";

  void copy(const fs::path& from, const std::string& to) const {
    fs::create_directories((store / to).parent_path());
    fs::copy(from, store / to, fs::copy_options::recursive);
  }
  BatchReport run(const std::string& yaml) { return run_batch(registry.registry, find_models({entry_of(yaml, store)})); }
  std::vector<std::string> ids() { return registry->list_models(); }
};

}  // namespace

TEST_CASE("batch: globs see every form, and of a split model one file", "[batch][forms]") {
  Store store;
  store.copy(test_data("gguf/llama-Q8_0/llama-Q8_0.gguf"), "org/llama-Q8_0.gguf");
  store.copy(test_data("gguf/qwen2/qwen2-Q4_0.gguf"), "org/folder/qwen2-Q4_0.gguf");
  store.copy(test_data("quantised/awq/checkpoint"), "org/awq");
  store.copy(test_data("layouts/variant"), "org/variant");
  store.copy(test_data("layouts/bin"), "org/bin");
  store.copy(reference("llama-2"), "org/plain");
  write_text(store.store / "org/part-00002-of-00002.gguf", "GGUF");
  write_text(store.store / "org/mmproj-llama.gguf", "GGUF");
  write_text(store.store / "org/notes.txt", "x");
  const auto report = store.run("{glob: \"org/*\"}");
  CHECK(report.failed.empty());
  CHECK(report.registered == 6);
  CHECK(store.ids() == std::vector<std::string>{"org/awq", "org/bin", "org/folder", "org/llama-Q8_0", "org/plain", "org/variant"});
}

TEST_CASE("batch: an entry's adapters and variant make it another model, and a change of them is seen", "[batch][forms]") {
  Store store;
  store.copy(test_data("adapters/llama"), "base");
  store.copy(test_data("adapters/lora"), "lora");
  const auto weighted = [](const char* weight) { return std::string("{id: m, path: base, adapters: [{path: lora, weight: ") + weight + "}]}"; };
  CHECK(store.run("{id: m, path: base, adapters: [lora]}").registered == 1);
  CHECK(store.registry->get_spec("m")->source.adapters == std::vector<AdapterUse>{{store.store / "lora", 1}});
  CHECK(store.run(weighted("0.5")).registered == 1);
  CHECK(store.registry->get_spec("m")->source.adapters.front().weight == 0.5);
  CHECK(store.run("{id: m, path: base}").registered == 1);
  CHECK(store.registry->get_spec("m")->source.adapters.empty());
  CHECK(store.run("{id: m, path: base, variant: fp16}").failed.size() == 1);
  CHECK(store.run("{id: m, path: base, adapters: [none]}").failed.size() == 1);
}

TEST_CASE("compare: how numbers are stored is no difference of architecture", "[compare][forms]") {
  TestRegistry registry;
  registry->register_model("plain", open_checkpoint(test_data("gguf/llama-F16")));
  registry->register_model("packed", open_checkpoint(test_data("gguf/llama-Q8_0")));
  const auto comparison = registry->compare("plain", "packed");
  const auto levels = levels_by_type(comparison);
  CHECK(levels.size() > 4);
  for (const auto& [type, level] : levels) {
    INFO(type);
    CHECK(level == SwapLevel::identical);
  }
  CHECK(registry->get_spec("plain")->dtypes != registry->get_spec("packed")->dtypes);
}
