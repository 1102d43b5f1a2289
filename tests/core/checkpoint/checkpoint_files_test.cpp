// Which files of a folder count, in the order of transformers' _get_resolved_checkpoint_files.
#include <garage/checkpoint.hpp>

#include <algorithm>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

// Every file holds one tensor, whose name says which file it is.
void write_one(const fs::path& folder, const std::string& file) { write_safetensors(folder / file, {{"of " + file, DType::kF32, {1}}}); }

void write_index(const fs::path& folder, const std::string& index, const std::string& shard) {
  write_text(folder / index, R"({"weight_map": {"of )" + shard + R"(": ")" + shard + R"("}})");
}

}  // namespace

TEST_CASE("checkpoint files: the config's file counts, then the single one, then the index", "[checkpoint][files]") {
  struct Case { const char* title; std::string config; std::vector<std::string> files, indices; std::string opened; std::vector<std::string> notes; };
  const auto c = GENERATE(values<Case>({
      {"a single file", "{}", {kSingle}, {}, kSingle, {}},
      {"shards", "{}", {"s.safetensors"}, {kIndex}, "s.safetensors", {}},
      {"a stale index", "{}", {kSingle}, {kIndex}, kSingle, {"model.safetensors.index.json: passed over, since model.safetensors comes first"}},
      {"a single file and shards", "{}", {kSingle, "s.safetensors"}, {kIndex}, kSingle,
       {"model.safetensors.index.json: passed over, since model.safetensors comes first", "no part of the checkpoint, and left alone: s.safetensors"}},
      {"a named file", R"({"transformers_weights": "t.safetensors"})", {kSingle, "t.safetensors"}, {}, "t.safetensors",
       {"model.safetensors: passed over, since config.json names t.safetensors"}},
      {"a named file alone", R"({"transformers_weights": "t.safetensors"})", {"t.safetensors"}, {}, "t.safetensors", {}},
      {"a named index", R"({"transformers_weights": "t.safetensors.index.json"})", {kSingle, "s.safetensors"}, {"t.safetensors.index.json"}, "s.safetensors",
       {"model.safetensors: passed over, since config.json names t.safetensors.index.json"}},
      {"a name that is null", R"({"transformers_weights": null})", {kSingle}, {}, kSingle, {}},
      {"others beside it", "{}", {kSingle, "truth.safetensors", "consolidated.safetensors"}, {}, kSingle,
       {"no part of the checkpoint, and left alone: consolidated.safetensors, truth.safetensors"}},
      {"many beside it", "{}", {kSingle, "a.safetensors", "b.safetensors", "c.safetensors", "d.safetensors", "e.safetensors", "f.safetensors", "g.safetensors"}, {}, kSingle,
       {"no part of the checkpoint, and left alone: a.safetensors, b.safetensors, c.safetensors, d.safetensors, e.safetensors and 2 more"}},
  }));
  DYNAMIC_SECTION(c.title) {
    const TemporaryFolder folder;
    write_text(folder / "config.json", c.config);
    for (const auto& file : c.files) write_one(folder.path(), file);
    for (const auto& index : c.indices) write_index(folder.path(), index, "s.safetensors");
    const auto found = locate_checkpoint(folder.path());
    REQUIRE(found.model.tensors().size() == 1);
    CHECK(found.model.tensors()[0].name == "of " + c.opened);
    CHECK(found.model.notes == c.notes);
    CHECK(std::count(found.files.begin(), found.files.end(), folder / c.opened) > 0);
  }
}

TEST_CASE("checkpoint files: a folder in the single file's place is passed over", "[checkpoint][files]") {
  const TemporaryFolder folder;
  fs::create_directories(folder / kSingle);
  write_one(folder.path(), "s.safetensors");
  write_index(folder.path(), kIndex, "s.safetensors");
  CHECK(open_checkpoint(folder.path()).find("of s.safetensors"));
}

TEST_CASE("checkpoint files: an adapter beside the model is noted", "[checkpoint][files]") {
  const TemporaryFolder folder;
  write_one(folder.path(), kSingle);
  write_text(folder / "adapter_config.json", "{}");
  CHECK(open_checkpoint(folder.path()).notes == std::vector<std::string>{"adapter_config.json: an adapter lies beside the model, and is not applied"});
}

TEST_CASE("checkpoint files: a name in the config that names no weights is refused", "[checkpoint][files]") {
  struct Case { const char* title; const char* value; Errc code; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"not there", R"("gone.safetensors")", Errc::kNotFound, "'transformers_weights' names 'gone.safetensors', which is not there"},
      {"a pickle", R"("adapter_model.bin")", Errc::kUnsupported, "names 'adapter_model.bin', which is neither *.safetensors nor"},
      {"no name", R"("")", Errc::kUnsupported, "names '', which is neither"},
      {"in a folder", R"("a/b.safetensors")", Errc::kUnsupported, "names 'a/b.safetensors', which is no plain file name"},
      {"outside", R"("../b.safetensors")", Errc::kUnsupported, "no plain file name"},
      {"no string", "7", Errc::kCorrupt, "'transformers_weights' is of kind int64, should be a file's name"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TemporaryFolder folder;
    write_checkpoint(folder.path(), std::string(R"({"transformers_weights": )") + c.value + "}", {{"w", DType::kF32, {1}}});
    CHECK_THROWS_MATCHES(open_checkpoint(folder.path()), Error, is_error(c.code, c.says));
  }
}

TEST_CASE("checkpoint files: the fingerprint is of the files that count", "[checkpoint][files]") {
  const TemporaryFolder folder;
  write_one(folder.path(), kSingle);
  const auto first = open_checkpoint(folder.path()).source.fingerprint;
  write_one(folder.path(), "other.safetensors");
  write_index(folder.path(), kIndex, "other.safetensors");
  CHECK(open_checkpoint(folder.path()).source.fingerprint == first);
  fs::remove(folder / kSingle);
  CHECK(open_checkpoint(folder.path()).source.fingerprint != first);
}
