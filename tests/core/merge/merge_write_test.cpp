// Merges on the disk: nothing is under the final name that is not whole.
#include <fstream>

#include <catch2/catch_test_macros.hpp>

#include <garage/checkpoint.hpp>
#include <garage/merge.hpp>

#include "broken_off.hpp"
#include "is_error.hpp"
#include "merged.hpp"
#include "places.hpp"
#include "run_program.hpp"
#include "temporary_folder.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

const fs::path kRecipe = test_data("merges/linear.yaml");

}  // namespace

TEST_CASE("merge: a folder has weights, a config, the recipe and a card", "[merge][write]") {
  TestRegistry registry;
  const auto folder = registry.folder / "out";
  const auto files = Merge(registry.registry, kRecipe).write(folder);
  CHECK(files == std::vector{folder / "model.safetensors"});
  CHECK(read_text(folder / "recipe.yaml") == read_text(kRecipe));
  CHECK(read_text(folder / "README.md").find("base_model:\n  - 'models/a'\n  - 'models/b'\n") != std::string::npos);
  CHECK(read_text(folder / "README.md").find(read_text(kRecipe)) != std::string::npos);
  CHECK(!fs::exists(registry.folder / "out.partial"));
  CHECK(!fs::exists(folder / ".plan"));
}

TEST_CASE("merge: shards are as large as they may be, and the numbers the same", "[merge][write]") {
  TestRegistry registry;
  const Merge merge(registry.registry, kRecipe);
  merge.write(registry.folder / "one");
  const auto files = merge.write(registry.folder / "many", in_shards(8'000));
  CHECK(files.size() > 3);
  CHECK(open_checkpoint(registry.folder / "many").tensors().size() == open_checkpoint(registry.folder / "one").tensors().size());
  CHECK(bytes_of(registry.folder / "many") == bytes_of(registry.folder / "one"));
}

TEST_CASE("merge: one that was broken off is not there, and goes on where it was", "[merge][write]") {
  TestRegistry registry;
  const auto folder = registry.folder / "out";
  const Merge merge(registry.registry, kRecipe);
  merge.write(registry.folder / "whole", in_shards(8'000));
  break_off(merge, folder, 20'000, 8'000);
  CHECK(!fs::exists(folder));
  const auto first = registry.folder / "out.partial/model-00001-of-00005.safetensors";
  CHECK_THROWS_MATCHES(merge.write(folder, in_shards(8'000)), Error,
                       is_error(Errc::kInvalidArgument, "out.partial: a merge was broken off there: go on with it by --resume"));
  auto options = in_shards(8'000);
  options.resume = true;
  std::uint64_t reported = 0;
  options.progress = [&](std::uint64_t done, std::uint64_t) { if (!reported) reported = done; };
  merge.write(folder, options);
  CHECK(reported > 1'000);  // the first shard at once: it was there
  CHECK(bytes_of(folder) == bytes_of(registry.folder / "whole"));
  for (const auto& entry : fs::directory_iterator(folder)) CHECK(entry.path().filename().string().front() != '.');
}

TEST_CASE("merge: it goes on with no other merge than its own", "[merge][write]") {
  TestRegistry registry;
  const auto folder = registry.folder / "out";
  break_off(Merge(registry.registry, kRecipe), folder, 20'000, 8'000);
  auto options = in_shards(8'000);
  options.resume = true;
  const auto says = is_error(Errc::kInvalidArgument, "another merge was broken off there");
  CHECK_THROWS_MATCHES(Merge(registry.registry, test_data("merges/linear-raw.yaml")).write(folder, options), Error, says);
  options.shard_size = 9'000;
  CHECK_THROWS_MATCHES(Merge(registry.registry, kRecipe).write(folder, options), Error, says);
}

TEST_CASE("merge: a folder that has something in it is left alone", "[merge][write]") {
  TestRegistry registry;
  fs::create_directory(registry.folder / "taken");
  write_text(registry.folder / "taken/mine.txt", "mine");
  CHECK_THROWS_MATCHES(Merge(registry.registry, kRecipe).write(registry.folder / "taken"), Error,
                       is_error(Errc::kInvalidArgument, "taken: is there already: name a new folder"));
  CHECK(read_text(registry.folder / "taken/mine.txt") == "mine");
  fs::create_directory(registry.folder / "empty");
  Merge(registry.registry, kRecipe).write(registry.folder / "empty");
  CHECK(fs::exists(registry.folder / "empty/config.json"));
}

TEST_CASE("merge: a model that is written to meanwhile is an error", "[merge][write]") {
  TestRegistry registry;
  const auto& folder = registry.folder;
  fs::copy(test_data("merges/models"), folder / "models", fs::copy_options::recursive);
  fs::copy(kRecipe, folder / "recipe.yaml");
  const Merge merge(registry.registry, folder / "recipe.yaml");
  MergeOptions options;
  bool is_touched = false;
  options.progress = [&](std::uint64_t, std::uint64_t) {
    if (!is_touched) {  // in its place: a file that is cut off meanwhile is another fault
      std::fstream file(folder / "models/b/model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(-1, std::ios::end).put(1);
    }
    is_touched = true;
  };
  CHECK_THROWS_MATCHES(merge.write(folder / "out", options), Error, is_error(Errc::kCorrupt, "models/b: was written to while it was merged"));
  CHECK(!fs::exists(folder / "out"));
}
