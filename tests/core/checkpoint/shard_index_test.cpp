#include <garage/checkpoint.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "places.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;

namespace {

constexpr const char* kIndex = "model.safetensors.index.json";

// Tensors a and b in shard 1, c in shard 2; the index says whatever the test wants.
struct Sharded {
  TemporaryFolder folder;

  explicit Sharded(std::string_view index) {
    write_text(folder / "config.json", R"({"model_type": "llama"})");
    write_safetensors(folder / "s1.safetensors", {{"a", DType::kF32, {2}}, {"b", DType::kF32, {3}}});
    write_safetensors(folder / "s2.safetensors", {{"c", DType::kF32, {4}}});
    write_text(folder / kIndex, index);
  }
  Model open() const { return open_checkpoint(folder.path()); }
};

constexpr const char* kGood = R"({"metadata":{"total_size":36},"weight_map":{"a":"s1.safetensors","b":"s1.safetensors","c":"s2.safetensors"}})";

}  // namespace

TEST_CASE("index: shards are read as one model", "[checkpoint][index]") {
  const Sharded sharded(kGood);
  const auto model = sharded.open();
  REQUIRE(model.tensors().size() == 3);
  CHECK(model.tensors()[2].name == "c");
  CHECK(model.notes.empty());
}

TEST_CASE("index: what disagrees with the shards is refused", "[checkpoint][index]") {
  struct Case { const char* title; std::string index; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"a missing shard", R"({"weight_map":{"a":"s1.safetensors","b":"s1.safetensors","c":"s3.safetensors"}})", "lists shard 's3.safetensors', which is not there"},
      {"a tensor in the wrong shard", R"({"weight_map":{"a":"s1.safetensors","b":"s2.safetensors","c":"s2.safetensors"}})", "tensor 'b' is in shard 's1.safetensors', the index says 's2.safetensors'"},
      {"a tensor that is in no shard", R"({"weight_map":{"a":"s1.safetensors","b":"s1.safetensors","c":"s2.safetensors","d":"s2.safetensors"}})", "tensor 'd' is not in shard 's2.safetensors'"},
      {"a tensor that is not listed", R"({"weight_map":{"a":"s1.safetensors","c":"s2.safetensors"}})", "tensor 'b' is in shard 's1.safetensors' and not in the index"},
      {"a tensor listed twice", R"({"weight_map":{"a":"s1.safetensors","b":"s1.safetensors","c":"s2.safetensors","a":"s1.safetensors"}})", "lists tensor 'a' twice"},
      {"a shard outside the folder", R"({"weight_map":{"a":"../x.safetensors"}})", "maps tensor 'a' to '../x.safetensors', which is no plain file name"},
      {"a shard by absolute path", R"({"weight_map":{"a":"/etc/passwd"}})", "'/etc/passwd', which is no plain file name"},
      {"a shard in a sub-folder", R"({"weight_map":{"a":"sub/s1.safetensors"}})", "no plain file name"},
      {"a shard that is the parent", R"({"weight_map":{"a":".."}})", "no plain file name"},
      {"a shard without a name", R"({"weight_map":{"a":""}})", "no plain file name"},
      {"a shard that is a number", R"({"weight_map":{"a":1}})", "maps tensor 'a' to a number"},
      {"a shard that is an object", R"({"weight_map":{"a":{"b":"c"}}})", "maps tensor 'a' to an object"},
      {"no weight_map", R"({"metadata":{}})", "has no 'weight_map'"},
      {"an empty weight_map", R"({"weight_map":{}})", "weight_map is empty"},
      {"a weight_map that is a list", R"({"weight_map":["a"]})", "has an array for its weight_map"},
      {"weight_map twice", R"({"weight_map":{"a":"s1.safetensors"},"weight_map":{}})", "has 'weight_map' twice"},
      {"a list", "[]", "is an array, should be an object"},
      {"no JSON", "weight_map", "not valid JSON"},
      {"an empty file", "", "it is empty"},
      {"nested a million deep", R"({"x":)" + std::string(1000000, '['), "nested deeper than 64 levels"},
  }));
  DYNAMIC_SECTION(c.title) {
    const Sharded sharded(c.index);
    CHECK_THROWS_MATCHES(sharded.open(), Error, is_error(Errc::kCorrupt, c.says));
    CHECK_THROWS_MATCHES(sharded.open(), Error, is_error(Errc::kCorrupt, (sharded.folder / kIndex).string()));
  }
}

TEST_CASE("index: a tensor in two shards is refused", "[checkpoint][index]") {
  const Sharded sharded(kGood);
  write_safetensors(sharded.folder / "s2.safetensors", {{"b", DType::kF32, {3}}, {"c", DType::kF32, {4}}});
  CHECK_THROWS_MATCHES(sharded.open(), Error, is_error(Errc::kCorrupt, "tensor 'b' is in two shards, 's1.safetensors' and 's2.safetensors'"));
}

TEST_CASE("index: one of very many tensors is missing, and is found in one pass", "[checkpoint][index][bomb]") {
  std::vector<TensorInfo> tensors;
  std::string map;
  for (int i = 0; i < 200'000; ++i) {
    tensors.push_back({fmt::format("t{}", i), DType::kF32, {0}});
    map += fmt::format(R"("t{}":"s1.safetensors",)", i);
  }
  const Sharded sharded(R"({"weight_map":{)" + map + R"("absent":"s1.safetensors"}})");
  write_safetensors(sharded.folder / "s1.safetensors", tensors);
  CHECK_THROWS_MATCHES(sharded.open(), Error, is_error(Errc::kCorrupt, "tensor 'absent' is not in shard 's1.safetensors'"));
}

TEST_CASE("index: shards that hold more than is listed are not read to the last", "[checkpoint][index][bomb]") {
  const Sharded sharded(R"({"weight_map":{"a":"s1.safetensors","b":"s2.safetensors","c":"s3.safetensors"}})");
  for (const auto* shard : {"s1.safetensors", "s2.safetensors"}) write_safetensors(sharded.folder / shard, {{"a", DType::kF32, {1}}, {"b", DType::kF32, {1}}});
  write_text(sharded.folder / "s3.safetensors", "no safetensors");
  CHECK_THROWS_MATCHES(sharded.open(), Error, is_error(Errc::kCorrupt, "tensor 'b' is in two shards, 's1.safetensors' and 's2.safetensors'"));
}

TEST_CASE("index: a broken shard is refused by its own name", "[checkpoint][index]") {
  const Sharded sharded(kGood);
  std::filesystem::resize_file(sharded.folder / "s2.safetensors", std::filesystem::file_size(sharded.folder / "s2.safetensors") - 1);
  CHECK_THROWS_MATCHES(sharded.open(), Error, is_error(Errc::kCorrupt, "s2.safetensors: its tensors take 16 bytes, the file has 15"));
}

TEST_CASE("index: a stray file beside it is noted", "[checkpoint][index]") {
  const Sharded sharded(kGood);
  write_safetensors(sharded.folder / "s0.safetensors", {{"z", DType::kF32, {1}}});
  const auto model = sharded.open();
  CHECK(model.find("z") == nullptr);
  CHECK(model.notes == std::vector<std::string>{"no part of the checkpoint, and left alone: s0.safetensors"});
}

TEST_CASE("index: a total_size that the shards do not hold is noted with both numbers", "[checkpoint][index]") {
  const Sharded sharded(R"({"metadata":{"total_size":40},"weight_map":{"a":"s1.safetensors","b":"s1.safetensors","c":"s2.safetensors"}})");
  REQUIRE(sharded.open().notes.size() == 1);
  CHECK_THAT(sharded.open().notes[0], Catch::Matchers::ContainsSubstring("says total_size 40, the shards hold 36 bytes"));
}

TEST_CASE("index: what transformers sharded opens without a note", "[checkpoint][index]") {
  const auto model = open_checkpoint(reference("llama-sharded"));
  CHECK(model.tensors().size() == 39);
  CHECK(model.notes.empty());
}
