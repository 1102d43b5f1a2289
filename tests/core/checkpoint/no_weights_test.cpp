// Places where no checkpoint can be opened: what people have there instead, and what they are told.
#include <garage/checkpoint.hpp>

#include <functional>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

const char* const kPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
constexpr const char* kIndexOfOne = R"({"weight_map": {"w": "model-00001-of-00001.safetensors"}})";

void write_weights(const fs::path& file) { write_safetensors(file, {{"w", DType::kF32, {1}}}); }
void write_model(const fs::path& folder) { write_checkpoint(folder, "{}", {{"w", DType::kF32, {1}}}); }

// A file of a hub cache's snapshot whose blob was not downloaded.
void write_dangling(const fs::path& file) { fs::create_symlink("../../blobs/0123abc", file); }

struct Case {
  const char* title;
  std::function<void(const fs::path&)> make;
  const char* given;  // below the folder
  Errc code;
  const char* says;
};

}  // namespace

TEST_CASE("no weights: a folder says what it has instead", "[checkpoint][say]") {
  const auto c = GENERATE(values<Case>({
      {"nothing", [](const fs::path&) {}, "", Errc::kNotFound, "has neither model.safetensors nor model.safetensors.index.json: it is empty"},
      {"a config alone", [](const fs::path& f) { write_text(f / "config.json", "{}"); }, "", Errc::kNotFound, "nor weights in another form: if it was downloaded, download it again"},
      {"an adapter alone", [](const fs::path& f) { write_text(f / "adapter_config.json", "{}"); write_weights(f / "adapter_model.safetensors"); }, "", Errc::kUnsupported,
       "has adapter_config.json, an adapter and no model: give its base model, and lay this over it with --adapter"},
      {"an adapter's pickle", [](const fs::path& f) { write_text(f / "adapter_model.bin", "x"); }, "", Errc::kUnsupported, "has adapter_model.bin, an adapter and no model"},
      {"no pickle", [](const fs::path& f) { write_text(f / "config.json", "{}"); write_text(f / "pytorch_model.bin", "x"); }, "", Errc::kCorrupt,
       "pytorch_model.bin: is no file that torch.save wrote"},
      {"a pickle of another name", [](const fs::path& f) { write_text(f / "model.pth", "x"); }, "", Errc::kUnsupported, "has model.pth, a pickle, and no pytorch_model.bin: if it is the whole model, give it as the path"},
      {"a shard of pickles", [](const fs::path& f) { write_text(f / "pytorch_model-00001-of-00002.bin", "x"); }, "", Errc::kUnsupported,
       "has shards (pytorch_model-00001-of-00002.bin; 1 of 2) and no pytorch_model.bin.index.json, which says what each of them holds: download it too"},
      {"GGUF", [](const fs::path& f) { write_text(f / "m-Q4_K_M.gguf", "GGUF"); }, "", Errc::kCorrupt, "m-Q4_K_M.gguf: its version needs 4 bytes"},
      {"shards without their index", [](const fs::path& f) { for (int i : {1, 2}) write_weights(f / fmt::format("model-0000{}-of-00002.safetensors", i)); }, "", Errc::kUnsupported,
       "has shards (model-00001-of-00002.safetensors, …; 2 of 2) and no model.safetensors.index.json, which says what each of them holds: download it too"},
      {"the one shard without its index", [](const fs::path& f) { write_weights(f / "model-00001-of-00001.safetensors"); }, "", Errc::kUnsupported, "or give the one shard as the path"},
      {"a file of another name", [](const fs::path& f) { write_weights(f / "weights.safetensors"); }, "", Errc::kNotFound, "if weights.safetensors is the whole model, give it as the path"},
      {"the model one folder down", [](const fs::path& f) { write_text(f / "modules.json", "[]"); write_model(f / "0_Transformer"); }, "", Errc::kNotFound,
       "/0_Transformer: give that"},
      {"a hub cache's folder", [](const fs::path& f) { write_model(f / "snapshots/abc"); fs::create_directories(f / "blobs"); }, "", Errc::kNotFound, "/snapshots/abc: give that"},
      {"models in several folders", [](const fs::path& f) { write_model(f / "b"); write_model(f / "a"); }, "", Errc::kNotFound, "2 folders in it have a model, the first is "},
  }));
  DYNAMIC_SECTION(c.title) {
    const TemporaryFolder folder;
    c.make(folder.path());
    CHECK_THROWS_MATCHES(open_checkpoint(folder / c.given), Error, is_error(c.code, c.says));
  }
}

TEST_CASE("no weights: a file that is no whole model says where that is", "[checkpoint][say]") {
  const auto shards = [](const fs::path& f) { write_checkpoint(f, "{}", {{"v", DType::kF32, {1}}, {"w", DType::kF32, {1}}}, 2); };
  const auto c = GENERATE_COPY(values<Case>({
      {"the index", shards, "model.safetensors.index.json", Errc::kUnsupported, "is an index, which says where weights are and has none: give its folder, /"},
      {"the config", shards, "config.json", Errc::kUnsupported, "is JSON and no weights: give its folder, /"},
      {"one shard", [](const fs::path& f) { write_weights(f / "model-00002-of-00003.safetensors"); }, "model-00002-of-00003.safetensors", Errc::kUnsupported, "is one shard of several: give its folder, /"},
      {"a shard by the index alone", [](const fs::path& f) { write_weights(f / "a.safetensors"); write_text(f / "model.safetensors.index.json", R"({"weight_map": {"w": "a.safetensors"}})"); },
       "a.safetensors", Errc::kUnsupported, "is one of the shards that model.safetensors.index.json lists: give its folder, /"},
      {"an adapter", [](const fs::path& f) { write_weights(f / "adapter_model.safetensors"); }, "adapter_model.safetensors", Errc::kUnsupported, "is an adapter and no model"},
      {"GGUF under another name", [](const fs::path& f) { write_text(f / "model.safetensors", std::string_view("GGUF\x03\0\0\0\xff\xff\xff\xff", 12)); }, "", Errc::kUnsupported, "model.safetensors: is a GGUF file, whatever its name says: give it as the path"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TemporaryFolder folder;
    c.make(folder.path());
    CHECK_THROWS_MATCHES(open_checkpoint(folder / c.given), Error, is_error(c.code, c.says));
  }
}

TEST_CASE("no weights: the one shard of one is a whole model by its own path", "[checkpoint][say]") {
  const TemporaryFolder folder;
  write_weights(folder / "model-00001-of-00001.safetensors");
  CHECK(open_checkpoint(folder / "model-00001-of-00001.safetensors").tensors().size() == 1);
}

TEST_CASE("no weights: what stands in a file's place is told by what it is", "[checkpoint][say]") {
  const auto c = GENERATE(values<Case>({
      {"a pointer for the weights", [](const fs::path& f) { write_text(f / "config.json", "{}"); write_text(f / "model.safetensors", kPointer); }, "", Errc::kUnsupported,
       "model.safetensors: is a Git LFS pointer to a file of 12345 bytes, and not that file: run 'git lfs pull'"},
      {"by its own path", [](const fs::path& f) { write_text(f / "model.safetensors", kPointer); }, "model.safetensors", Errc::kUnsupported, "is a Git LFS pointer"},
      {"for the config", [](const fs::path& f) { write_model(f); write_text(f / "config.json", kPointer); }, "", Errc::kUnsupported, "config.json: is a Git LFS pointer"},
      {"for the index", [](const fs::path& f) { write_text(f / "model.safetensors.index.json", kPointer); }, "", Errc::kUnsupported, "index.json: is a Git LFS pointer"},
      {"for a shard", [](const fs::path& f) { write_text(f / "model.safetensors.index.json", kIndexOfOne); write_text(f / "model-00001-of-00001.safetensors", kPointer); }, "", Errc::kUnsupported,
       "model-00001-of-00001.safetensors: is a Git LFS pointer"},
      {"torch.save for the weights", [](const fs::path& f) { write_text(f / "model.safetensors", "PK\x03\x04 and so on"); }, "", Errc::kUnsupported, "model.safetensors: is a zip archive, as torch.save writes it"},
      {"a page for the weights", [](const fs::path& f) { write_text(f / "model.safetensors", "<!DOCTYPE html><html>"); }, "", Errc::kCorrupt, "is a page of HTML: the download failed"},
      {"a byte-order mark before the config", [](const fs::path& f) { write_model(f); write_text(f / "config.json", "\xEF\xBB\xBF{}"); }, "", Errc::kUnsupported,
       "config.json: begins with a byte-order mark (the bytes EF BB BF), which transformers does not read either: save it as UTF-8 without one"},
      {"a config in UTF-16", [](const fs::path& f) { write_model(f); write_text(f / "config.json", std::string_view("\xFF\xFE{\0}\0", 6)); }, "", Errc::kCorrupt, "config.json: is text in UTF-16"},
      {"pickles in the index", [](const fs::path& f) { write_text(f / "model.safetensors.index.json", R"({"weight_map": {"w": "pytorch_model-00001-of-00002.bin"}})"); }, "", Errc::kUnsupported,
       "index.json: maps tensor 'w' to 'pytorch_model-00001-of-00002.bin', which is no safetensors file and is not read"},
      {"a pointer for a pickle", [](const fs::path& f) { write_text(f / "pytorch_model.bin", kPointer); }, "", Errc::kUnsupported, "pytorch_model.bin: is a Git LFS pointer"},
      {"safetensors in the pickles' index", [](const fs::path& f) { write_text(f / "pytorch_model.bin.index.json", R"({"weight_map": {"w": "model-00001-of-00002.safetensors"}})"); }, "", Errc::kUnsupported,
       "pytorch_model.bin.index.json: maps tensor 'w' to 'model-00001-of-00002.safetensors', which is no *.bin and is not read"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TemporaryFolder folder;
    c.make(folder.path());
    CHECK_THROWS_MATCHES(open_checkpoint(folder / c.given), Error, is_error(c.code, c.says));
  }
}

TEST_CASE("no weights: a link to a blob that was not downloaded is told with its target", "[checkpoint][say]") {
  const auto c = GENERATE(values<Case>({
      {"the weights", [](const fs::path& f) { write_text(f / "config.json", "{}"); write_dangling(f / "model.safetensors"); }, "", Errc::kNotFound, "model.safetensors: is a link to "},
      {"by their own path", [](const fs::path& f) { write_dangling(f / "model.safetensors"); }, "model.safetensors", Errc::kNotFound, "model.safetensors: is a link to "},
      {"the config", [](const fs::path& f) { write_weights(f / "model.safetensors"); write_dangling(f / "config.json"); }, "", Errc::kNotFound, "config.json: is a link to "},
      {"the index", [](const fs::path& f) { write_dangling(f / "model.safetensors.index.json"); }, "", Errc::kNotFound, "index.json: is a link to "},
      {"a shard", [](const fs::path& f) { write_text(f / "model.safetensors.index.json", kIndexOfOne); write_dangling(f / "model-00001-of-00001.safetensors"); }, "", Errc::kNotFound,
       "model-00001-of-00001.safetensors: is a link to "},
      {"the file that the config names", [](const fs::path& f) { write_model(f); write_text(f / "config.json", R"({"transformers_weights": "t.safetensors"})"); write_dangling(f / "t.safetensors"); }, "",
       Errc::kNotFound, "t.safetensors: is a link to "},
  }));
  DYNAMIC_SECTION(c.title) {
    const TemporaryFolder folder;
    c.make(folder.path());
    CHECK_THROWS_MATCHES(open_checkpoint(folder / c.given), Error, is_error(c.code, c.says));
    CHECK_THROWS_MATCHES(open_checkpoint(folder / c.given), Error, is_error(c.code, "../../blobs/0123abc, which is not there: where a download made it, the download is incomplete"));
  }
}
