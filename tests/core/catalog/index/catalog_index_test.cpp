// The index never disagrees with the files: what it answers is held against a scan that reads every spec.
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include <garage/batch.hpp>
#include <garage/find.hpp>
#include <garage/registry.hpp>
#include <garage/spec_file.hpp>

#include "as_nobody.hpp"
#include "scan.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

TEST_CASE("index: whatever happens to the files, and to the index, it answers what a scan answers", "[index][find]") {
  const auto seed = GENERATE(1u, 2u);
  SpecMaker maker(seed);
  const TemporaryFolder folder;
  const auto place = folder / "catalog";
  const ModelRegistry registry(test_config(place));
  const auto& catalog = registry.catalog();
  for (int step = 0; step < 60; ++step) {
    const auto id = fmt::format("m/{}", maker.upto(5));
    const auto file = catalog.path_of(id);
    const int action = maker.upto(9);
    CAPTURE(seed, step, id, action);
    switch (action) {
      case 0: catalog.remove(id); break;
      case 1:  // written over in place, as no writer of ours does
        if (fs::exists(file)) write_text(file, write_spec(maker.make(id)));
        break;
      case 2: catalog.remove(id), write_text(file, "{}"); break;
      case 3: fs::remove_all(place / ".index"); break;
      case 4:
        if (fs::exists(place / ".index")) write_text(place / ".index/specs.sqlite", "no database, but long enough to be read");
        break;
      case 5:
        if (fs::exists(place / ".index/specs.sqlite"))
          fs::resize_file(place / ".index/specs.sqlite", fs::file_size(place / ".index/specs.sqlite") / 2);
        break;
      default: catalog.remove(id), catalog.save(maker.make(id));
    }
    const auto specs = fs::exists(place) ? all_specs(place) : std::map<std::string, ModelSpec>();
    std::vector<std::string> ids;
    for (const auto& [known, spec] : specs) ids.push_back(known);
    REQUIRE(registry.list_models() == ids);
    for (const auto& query : queries(maker, specs)) REQUIRE(asked(registry, query) == scan(specs, query));
  }
}

TEST_CASE("index: where more models are than are looked at each time, what comes, goes or is replaced is seen", "[index]") {
  const TemporaryFolder folder;
  std::vector<std::pair<std::size_t, std::size_t>> told;
  const ModelRegistry registry(test_config(folder / "catalog"), {.progress = [&](std::size_t done, std::size_t of) { told.emplace_back(done, of); }});
  const auto& catalog = registry.catalog();
  const auto norm = [](const std::string& id, std::int64_t dim) {
    ModelSpec spec;
    spec.model_id = id;
    spec.family = "test";
    auto& part = spec.parts.add("norm");
    part.part_type = part_type::kLayerNorm;
    part.input_dim = part.output_dim = dim;
    part.blueprint = Norm{.kind = NormKind::rms, .size = dim, .eps = 1e-6, .weight = TensorRef{"norm.weight", {}}};
    return spec;
  };
  for (int i = 0; i < 10'050; ++i) write_text(folder / fmt::format("catalog/m{}.json", i), write_spec(norm(fmt::format("m{}", i), 8)));
  REQUIRE(registry.list_models().size() == 10'050);
  CHECK(told.size() > 1);
  CHECK(std::is_sorted(told.begin(), told.end()));
  for (const auto& [done, of] : told) CHECK(of >= 10'050);  // more, where some are so young that they are read again
  CHECK(told.back().first == told.back().second);
  fs::last_write_time(folder / "catalog", fs::file_time_type::clock::now() - std::chrono::hours(1));  // as if it were long ago
  REQUIRE(registry.list_models().size() == 10'050);
  catalog.save(norm("fresh", 8));
  CHECK(registry.list_models().size() == 10'051);
  catalog.save(norm("m5", 16));
  CHECK(find_parts(registry, {.hidden_dim = 16}).found.size() == 1);
  catalog.remove("m6");
  CHECK(registry.list_models().size() == 10'050);
  CHECK(find_parts(registry, {.type = "layer_norm"}).found.size() == 10'050);
}

TEST_CASE("index: a catalog that may only be read is answered for, with an old index or none", "[index]") {
  const TemporaryFolder folder;
  const auto place = folder / "catalog";
  SpecMaker maker(4);
  const ModelRegistry registry(test_config(place));
  for (const auto* id : {"a", "b", "c"}) registry.catalog().save(maker.make(id));
  const bool has_index = GENERATE(false, true);
  if (has_index) {
    REQUIRE(registry.list_models().size() == 3);
    registry.catalog().save(maker.make("d"));
  }
  fs::permissions(folder.path(), fs::perms::all);
  fs::permissions(place, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec);
  const AsNobody unprivileged;
  CHECK(registry.list_models().size() == (has_index ? 4 : 3));
  CHECK(asked(registry, {.type = "attention"}) == scan(all_specs(place), {.type = "attention"}));
  CHECK(fs::exists(place / ".index") == has_index);
}

TEST_CASE("index: whoever may write the catalog may write what is kept beside it", "[index][batch]") {
  const TemporaryFolder folder;
  const auto place = folder / "catalog";
  ModelRegistry registry(test_config(place));
  registry.catalog().save(SpecMaker(5).make("a"));
  fs::permissions(place, fs::perms::owner_all | fs::perms::group_all);
  const bool batch_first = GENERATE(false, true);
  if (batch_first) run_batch(registry, {});
  registry.list_models();
  run_batch(registry, {});
  CHECK(fs::status(place / ".index").permissions() == fs::status(place).permissions());
  for (const auto* name : {"specs.sqlite", "batch.sqlite", "batch.lock"}) {
    CAPTURE(name);
    CHECK(fs::status(place / ".index" / name).permissions() == (fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read | fs::perms::group_write));
  }
}

TEST_CASE("index: many ask while others write", "[index][threads]") {
  const TemporaryFolder folder;
  const ModelRegistry registry(test_config(folder / "catalog"));
  SpecMaker maker(6);
  registry.catalog().save(maker.make("always"));
  std::vector<ModelSpec> specs;
  for (int i = 0; i < 20; ++i) specs.push_back(maker.make(fmt::format("m{}", i)));
  std::vector<std::thread> askers;
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 3; ++i)
    askers.emplace_back([&] {
      std::size_t before = 0;
      while (!done) {
        const auto now = registry.list_models().size();
        wrong += now < before || now == 0;
        before = now;
      }
    });
  for (const auto& spec : specs) registry.catalog().save(spec);
  done = true;
  for (auto& asker : askers) asker.join();
  CHECK(wrong == 0);
  CHECK(registry.list_models().size() == 21);
}
