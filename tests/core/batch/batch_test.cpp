// Batches: what a config's models name, and that registering them gives the same catalog however it is done.
#include <garage/batch.hpp>

#include <atomic>
#include <map>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>

#include "as_nobody.hpp"
#include "checkpoint_files.hpp"
#include "entries.hpp"
#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

// Every reference checkpoint, as a copy that a test may change, last written long ago.
void copy_references(const fs::path& to) {
  for (const auto& variant : fs::directory_iterator(test_data("reference"))) {
    if (!variant.is_directory()) continue;
    fs::create_directories(to / variant.path().filename());
    for (const auto& file : fs::directory_iterator(variant)) {
      const auto copy = to / variant.path().filename() / file.path().filename();
      fs::copy_file(file, copy);
      fs::last_write_time(copy, fs::file_time_type::clock::now() - std::chrono::hours(1));
    }
  }
}

std::map<std::string, std::string> contents(const fs::path& catalog) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(catalog))
    if (entry.path().extension() == ".json") files[entry.path().filename().string()] = read_text(entry.path());
  return files;
}

struct Work {
  TemporaryFolder folder;
  fs::path models = folder / "models";

  Work() { copy_references(models); }

  BatchModels found() const { return find_models({entry_of("{glob: \"models/*\"}", folder.path())}); }
  BatchReport run(const std::string& catalog, BatchOptions options = {}, std::int64_t jobs = 0) const {
    auto config = test_config(folder / catalog);
    config.batch.jobs = jobs;
    ModelRegistry registry(std::move(config));
    return run_batch(registry, found(), options);
  }
};

}  // namespace

TEST_CASE("batch: the catalog is the same, byte for byte, for any number of jobs and any division into shards", "[batch]") {
  const Work work;
  const auto report = work.run("one", {}, 1);
  CHECK(report.models == 31);
  CHECK(report.registered == 31);
  CHECK(report.failed.empty());
  const auto catalog = contents(work.folder / "one");
  CHECK(catalog.size() == 31);
  work.run("eight", {}, 8);
  CHECK(contents(work.folder / "eight") == catalog);
  for (const std::int64_t of : {2, 5}) {
    const auto place = fmt::format("shards-{}", of);
    std::int64_t registered = 0;
    for (auto index = of; index-- > 0;) registered += work.run(place, {.shard = {index, of}}).registered;
    CHECK(registered == 31);
    CHECK(contents(work.folder / place) == catalog);
  }
}

TEST_CASE("batch: a checkpoint is read again when another of its files would count", "[batch]") {
  const Work work;
  work.run("catalog");
  const auto model = work.models / "llama-2";
  // The index changes no weights, and is noted.
  write_text(model / "model.safetensors.index.json", R"({"weight_map": {}})");
  CHECK(work.run("catalog").registered == 1);
  fs::rename(model / "model.safetensors", model / "t.safetensors");
  CHECK(work.run("catalog").failed.size() == 1);
  auto config = read_text(model / "config.json");
  write_text(model / "config.json", config.replace(config.find('{'), 1, R"({"transformers_weights": "t.safetensors",)"));
  CHECK(work.run("catalog").registered == 1);
  CHECK(work.run("catalog").unchanged == 31);
}

TEST_CASE("batch: what is unchanged is passed over, what is touched but equal is not written again", "[batch]") {
  const Work work;
  work.run("catalog");
  const auto before = contents(work.folder / "catalog");
  const auto times = [&] {
    std::map<std::string, fs::file_time_type> found;
    for (const auto& [name, text] : before) found[name] = fs::last_write_time(work.folder / "catalog" / name);
    return found;
  };
  const auto written = times();
  const auto again = work.run("catalog");
  CHECK(again.unchanged == 31);
  CHECK(again.registered == 0);
  for (const auto& file : fs::directory_iterator(work.models / "gpt2")) fs::last_write_time(file, fs::file_time_type::clock::now());
  CHECK(work.run("catalog").unchanged == 31);
  CHECK(work.run("catalog", {.force = true}).unchanged == 31);
  CHECK(times() == written);
  // Another checkpoint in its place is registered.
  fs::remove_all(work.models / "gpt2");
  fs::copy(reference("llama-2"), work.models / "gpt2", fs::copy_options::recursive);
  const auto changed = work.run("catalog");
  CHECK(changed.registered == 1);
  CHECK(changed.unchanged == 30);
  // A spec that somebody broke is not passed over, nor written over.
  write_text(work.folder / "catalog/models__gpt2.json", "{");
  const auto broken = work.run("catalog");
  REQUIRE(broken.failed.size() == 1);
  CHECK_THAT(broken.failed[0].reason, ContainsSubstring("It is not overwritten"));
  // What is known of the files may be lost.
  fs::remove(work.folder / "catalog/models__gpt2.json");
  write_text(work.folder / "catalog/.index/batch.sqlite", "no database, but long enough to be read as one");
  CHECK(work.run("catalog").registered == 1);
}

TEST_CASE("batch: what rests is passed over after a look, and looked into when it, or what takes it apart, is another", "[batch]") {
  const Work work;
  fs::copy(plugin_folder(), work.folder / "plugins");
  const auto begun = [&] {
    auto config = test_config(work.folder / "catalog");
    config.plugins.folders = {{work.folder / "plugins", "the test"}};
    ModelRegistry registry(std::move(config));
    std::vector<std::string> ids;
    run_batch(registry, work.found(), {.begun = [&](const BatchModel& model) { ids.push_back(model.id); }});
    return ids;
  };
  // A change within so long of the last one might show in no time.
  const auto settle = [] { std::this_thread::sleep_for(std::chrono::milliseconds(2100)); };
  settle();
  CHECK(begun().size() == 31);
  CHECK(begun().empty());
  // Written in place, of the same size, with its old time put back: its change time tells.
  const auto config = work.models / "qwen2/config.json";
  const auto text = read_text(config);
  const auto time = fs::last_write_time(config);
  write_text(config, std::string(text.size(), ' '));
  fs::last_write_time(config, time);
  CHECK(begun() == std::vector<std::string>{"models/qwen2"});
  write_text(config, text);
  settle();
  CHECK(begun() == std::vector<std::string>{"models/qwen2"});
  CHECK(begun().empty());
  // An update of a plugin, one more and one fewer.
  fs::copy_file(plugin_folder() / "libgarage-llama.so", work.folder / "plugins/new");
  fs::rename(work.folder / "plugins/new", work.folder / "plugins/libgarage-llama.so");
  CHECK(begun().size() == 31);
  CHECK(begun().empty());
  fs::remove(work.folder / "plugins/libgarage-phi.so");
  CHECK(begun().size() == 31);
}

TEST_CASE("batch: one bad model never stops the rest, unless it is to", "[batch]") {
  const Work work;
  write_text(work.models / "a-broken/config.json", "{");
  write_text(work.models / "b-broken/model.safetensors", "x");
  const auto report = work.run("catalog");
  CHECK(report.registered == 31);
  REQUIRE(report.failed.size() == 2);
  CHECK(report.failed[0].id == "models/a-broken");
  CHECK_THAT(report.failed[0].reason, ContainsSubstring("a-broken"));
  CHECK(report.failed[1].code == static_cast<int>(Errc::kCorrupt));

  auto config = test_config(work.folder / "other");
  config.batch = {.jobs = 1, .on_error = OnError::stop};
  ModelRegistry registry(std::move(config));
  const auto stopped = run_batch(registry, work.found());
  CHECK(stopped.failed.size() == 1);
  CHECK(stopped.left > 0);
  CHECK(stopped.left + stopped.registered + 1 == stopped.models);
}

TEST_CASE("batch: a folder without permission is told, and is no reason to stop", "[batch][broken]") {
  const Work work;
  fs::permissions(work.folder.path(), fs::perms::all);
  fs::permissions(work.models / "gpt2", fs::perms::none);
  const AsNobody unprivileged;
  const auto report = work.run("catalog");
  CHECK(report.registered == 30);
  REQUIRE(report.failed.size() == 1);
  CHECK(report.failed[0].id == "models/gpt2");
  CHECK_THAT(report.failed[0].reason, ContainsSubstring("Permission denied"));
}

TEST_CASE("batch: an entry's pin decides who takes its models", "[batch][entries]") {
  const TemporaryFolder folder;
  ModelRegistry registry(test_config(folder / "catalog"));
  const auto path = reference("llama-2").string();
  CHECK(run_batch(registry, find_models({entry_of("{id: a, path: " + path + ", pin: llama}", folder.path())})).registered == 1);
  const auto report = run_batch(registry, find_models({entry_of("{id: b, path: " + path + ", pin: gemma}", folder.path())}));
  REQUIRE(report.failed.size() == 1);
  CHECK_THAT(report.failed[0].reason, ContainsSubstring("plugin 'gemma' is to take 'b', and does not claim it"));
}

TEST_CASE("batch: a checkpoint that changes while it is read is told, and is registered when it rests", "[batch][broken][threads]") {
  const TemporaryFolder folder;
  fs::copy(reference("llama-2"), folder / "model", fs::copy_options::recursive);
  const BatchModels models{.models = {{.id = "m", .path = folder / "model"}}};
  ModelRegistry registry(test_config(folder / "catalog"));
  std::atomic<bool> rests{false};
  std::thread writer([&] {  // every look finds another time
    for (auto time = fs::file_time_type::clock::now(); !rests; time += std::chrono::seconds(1)) fs::last_write_time(folder / "model/config.json", time);
  });
  std::vector<BatchFailure> failed;
  for (int tries = 0; failed.empty() && tries < 1000; ++tries) failed = run_batch(registry, models, {}).failed;
  rests = true;
  writer.join();
  REQUIRE(failed.size() == 1);
  CHECK(failed[0].reason == (folder / "model").string() + ": changed while it was read");
  CHECK(run_batch(registry, models, {.force = true}).failed.empty());
  CHECK(registry.list_models() == std::vector<std::string>{"m"});
}

TEST_CASE("batch: a dry run writes nothing, and a stop leaves the rest", "[batch]") {
  const Work work;
  std::vector<std::string> begun;
  const auto dry = work.run("catalog", {.dry_run = true, .begun = [&](const BatchModel& model) { begun.push_back(model.id); }});
  CHECK(dry.registered == 31);
  CHECK(begun.size() == 31);
  CHECK_FALSE(fs::exists(work.folder / "catalog"));
  bool stop = false;
  const auto report = work.run("catalog", {.stops = [&] { return stop; }, .progress = [&](const BatchProgress&) { stop = true; }}, 1);
  CHECK(report.registered == 1);
  CHECK(report.left == 30);
}

TEST_CASE("batch: two at once over one catalog do the work once", "[batch][threads]") {
  const Work work;
  BatchReport other;
  std::thread thread([&] { other = work.run("catalog"); });
  const auto report = work.run("catalog");
  thread.join();
  CHECK(report.failed.empty());
  CHECK(other.failed.empty());
  CHECK(report.registered + other.registered == 31);
  CHECK(report.unchanged + other.unchanged == 31);
}

TEST_CASE("batch: a catalog that cannot be written is a clear error", "[batch][broken]") {
  const Work work;
  write_text(work.folder / "file", "x");
  CHECK_THROWS_MATCHES(work.run("file/catalog"), Error, is_error(Errc::kIo, "file/catalog: cannot be made"));
}

TEST_CASE("batch: entries name models by path, by pattern, by list, and by the hub's cache", "[batch][entries]") {
  const TemporaryFolder folder;
  for (const auto* name : {"org/a", "org/b", "lab/a"}) fs::copy(reference("gpt2"), (fs::create_directories((folder / name).parent_path()), folder / name), fs::copy_options::recursive);
  write_text(folder / "org/README.md", "x");
  const auto ids = [&](std::string_view yaml) {
    std::vector<std::string> found;
    for (const auto& model : find_models({entry_of(yaml, folder.path())}).models) found.push_back(model.id);
    return found;
  };
  using Ids = std::vector<std::string>;
  CHECK(ids("{id: me/a, path: org/a}") == Ids{"me/a"});
  CHECK(ids("{glob: \"*/*\"}") == Ids{"lab/a", "org/a", "org/b"});
  CHECK(ids("{glob: \"{org,lab}/a\", id: \"x-{parent}-{name}\"}") == Ids{"x-lab-a", "x-org-a"});
  CHECK(ids("{glob: \"org/a/model.safetensors\"}") == Ids{"a/model"});
  write_text(folder / "list.txt", "# models\n\nme/one  org/a\nme/two\torg/b\r\n");
  CHECK(ids("{list: list.txt}") == Ids{"me/one", "me/two"});
  const auto nothing = find_models({entry_of("{glob: \"nowhere/*\"}", folder.path())});
  CHECK(nothing.models.empty());
  REQUIRE(nothing.oddities.size() == 1);
  CHECK_THAT(nothing.oddities[0], ContainsSubstring("nowhere/* matches nothing"));
  const auto same = find_models({entry_of("{id: x, path: org/a}", folder.path()), entry_of("{id: y, path: org/../org/a/}", folder.path())});
  CHECK(same.models.size() == 2);
  REQUIRE(same.oddities.size() == 1);
  CHECK_THAT(same.oddities[0], ContainsSubstring("'x' and 'y' are the same folder"));
}

TEST_CASE("batch: of the hub's cache refs/main decides, and no link leads out", "[batch][entries]") {
  const TemporaryFolder folder;
  hub_model(folder / "hub", "models--org--gpt", "gpt2", "aaa");
  hub_model(folder / "hub", "models--org--gpt", "llama-2", "bbb");
  hub_model(folder / "hub", "models--stray", "gpt2", "ccc");
  hub_model(folder / "hub", "models--partial", "gpt2", "ddd");
  fs::create_symlink(reference("gpt2") / "config.json", folder / "hub/models--stray/snapshots/ccc/extra.json");
  write_text(folder / "hub/models--partial/refs/main", "eee");
  fs::create_directories(folder / "hub/datasets--org--data");
  const auto models = find_models({entry_of("{hub_cache: hub}", folder.path())}).models;
  REQUIRE(models.size() == 3);
  CHECK(models[0].id == "org/gpt");
  CHECK(models[0].path == folder / "hub/models--org--gpt/snapshots/bbb");
  CHECK_FALSE(models[0].problem);
  CHECK_THAT(models[1].problem->what(), ContainsSubstring("revision 'main' is not in the cache"));
  CHECK_THAT(models[2].problem->what(), ContainsSubstring("extra.json: leads out of the cache"));
  CHECK(find_models({entry_of("{hub_cache: hub, revision: aaa}", folder.path())}).models[0].path == folder / "hub/models--org--gpt/snapshots/aaa");
  ModelRegistry registry(test_config(folder / "catalog"));
  const auto report = run_batch(registry, find_models({entry_of("{hub_cache: hub}", folder.path())}));
  CHECK(report.registered == 1);
  CHECK(report.failed.size() == 2);
  CHECK(registry.get_spec("org/gpt")->family == "llama");
  const auto environment = [&](const char* name) -> std::optional<std::string> {
    return std::string(name) == "HF_HUB_CACHE" ? std::optional((folder / "hub").string()) : std::nullopt;
  };
  CHECK(find_model({}, "org/gpt", environment).path == models[0].path);
  CHECK_THROWS_MATCHES(find_model({}, "org/none", environment), Error, is_error(Errc::kNotFound, "'org/none' is neither among the config's models nor in"));
}

TEST_CASE("batch: a share of the work is as what started the process says", "[batch][shard]") {
  using Variables = std::map<std::string, std::string>;
  const auto shard_in = [](const Variables& variables, std::int64_t shards = 0) {
    return shard_of_process({.shards = shards}, [&](const char* name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  };
  CHECK(shard_in({}) == Shard{0, 1});
  CHECK(shard_in({{"SLURM_ARRAY_TASK_ID", "3"}, {"SLURM_ARRAY_TASK_COUNT", "8"}}) == Shard{3, 8});
  CHECK(shard_in({{"SLURM_ARRAY_TASK_ID", "8"}, {"SLURM_ARRAY_TASK_COUNT", "8"}, {"SLURM_ARRAY_TASK_MIN", "1"}}) == Shard{7, 8});
  CHECK(shard_in({{"SLURM_ARRAY_TASK_ID", "20"}, {"SLURM_ARRAY_TASK_COUNT", "3"}, {"SLURM_ARRAY_TASK_STEP", "10"}}) == Shard{2, 3});
  CHECK(shard_in({{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "4"}}) == Shard{1, 4});
  CHECK(shard_in({{"JOB_COMPLETION_INDEX", "2"}}, 5) == Shard{2, 5});
  CHECK_THROWS_MATCHES(shard_in({{"JOB_COMPLETION_INDEX", "2"}}), Error, is_error(Errc::kInvalidArgument, "batch.shards"));
  CHECK_THROWS_MATCHES(shard_in({{"SLURM_ARRAY_TASK_ID", "3"}}), Error, is_error(Errc::kInvalidArgument, "SLURM_ARRAY_TASK_COUNT is not"));
  CHECK_THROWS_MATCHES(shard_in({{"OMPI_COMM_WORLD_RANK", "x"}}), Error, is_error(Errc::kInvalidArgument, "OMPI_COMM_WORLD_RANK is 'x'"));
  CHECK(parse_shard("2/8") == Shard{2, 8});
  for (const auto* bad : {"", "8", "8/8", "1/0", "a/b", "-1/3", "1/2/3"}) CHECK_THROWS_AS(parse_shard(bad), Error);
  int in_one = 0;
  for (int i = 0; i < 1000; ++i)
    for (std::int64_t index = 0; index < 7; ++index) in_one += is_in_shard(fmt::format("org/m{}", i), {index, 7});
  CHECK(in_one == 1000);
}

TEST_CASE("batch: reports of all shards are one report", "[batch][shard]") {
  const Work work;
  write_text(work.models / "a-broken/config.json", "{");
  std::vector<fs::path> files;
  for (std::int64_t index = 0; index < 3; ++index) {
    JsonWriter out;
    write_json(out, work.run("catalog", {.shard = {index, 3}}));
    files.push_back(work.folder / fmt::format("report-{}.json", index));
    write_text(files.back(), out.take());
  }
  const auto merged = merge_reports(files);
  CHECK(merged.models == 32);
  CHECK(merged.registered == 31);
  CHECK(merged.failed.size() == 1);
  CHECK_THROWS_MATCHES(merge_reports({files[0], files[1]}), Error, is_error(Errc::kInvalidArgument, "2 of 3 shards"));
  CHECK_THROWS_MATCHES(merge_reports({files[0], files[0]}), Error, is_error(Errc::kInvalidArgument, "is of shard 0/3, as one before it is"));
  write_text(work.folder / "no-report.json", "{}");
  CHECK_THROWS_MATCHES(merge_reports({work.folder / "no-report.json"}), Error, is_error(Errc::kCorrupt, "no-report.json"));
}
