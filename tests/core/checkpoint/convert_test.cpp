// Models written as plain safetensors. What a converted model computes is held by tests/nn/formats_test.cpp.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/convert.hpp>
#include <garage/safetensors.hpp>

#include "is_error.hpp"
#include "places.hpp"
#include "run_program.hpp"
#include "temporary_folder.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

std::string data_of(const fs::path& file, const std::string& tensor) {
  const auto header = read_safetensors_header(file);
  for (const auto& [info, begin, end] : header.entries)
    if (info.name == tensor) return read_text(file).substr(header.data_begin + begin, end - begin);
  return {};
}

std::vector<std::string> tensors_of(const Model& model) {
  std::vector<std::string> texts;
  for (const auto& tensor : model.tensors()) texts.push_back(tensor.name + " " + std::string(to_string(tensor.dtype)) + " " + shape_text(tensor.shape));
  return texts;
}

}  // namespace

TEST_CASE("convert: plain tensors stay as they are, bit for bit", "[convert]") {
  const auto name = GENERATE("bin", "bin-legacy", "bin-strided", "bin-legacy-strided", "bin-sharded");
  INFO(name);
  const TemporaryFolder folder;
  const auto converted = convert_checkpoint(test_data("layouts") / name, {}, folder / "out");
  CHECK(converted.files == std::vector{folder / "out/model.safetensors"});
  const auto model = open_checkpoint(folder / "out");
  CHECK(tensors_of(model) == tensors_of(open_checkpoint(test_data("layouts") / name)));
  CHECK(model.metadata().at("format") == "pt");
  // bin has them one after another, whatever the others do.
  const TemporaryFolder plain;
  convert_checkpoint(test_data("layouts/bin"), {}, plain / "out");
  CHECK(read_text(folder / "out/model.safetensors") == read_text(plain / "out/model.safetensors"));
}

TEST_CASE("convert: a dtype rounds to the nearest, and the config says it", "[convert]") {
  struct Case { DType dtype; const char* name; double step; };
  const auto c = GENERATE(values<Case>({{DType::kBF16, "bfloat16", 0x1p-8}, {DType::kF16, "float16", 0x1p-11}, {DType::kF32, "float32", 0}}));
  const TemporaryFolder folder;
  ConvertOptions options;
  options.dtype = c.dtype;
  convert_checkpoint(test_data("layouts/bin"), {}, folder / "out", options);
  const auto model = open_checkpoint(folder / "out");
  for (const auto& tensor : model.tensors()) CHECK(tensor.dtype == c.dtype);
  CHECK(model.config().at("dtype") == c.name);
  CHECK(locate_checkpoint(folder / "out").model.source.bytes.value() == *open_checkpoint(test_data("layouts/bin")).source.bytes * static_cast<std::uint64_t>(bits(c.dtype)) / 32);
}

TEST_CASE("convert: shards hold what they may, and an index says which holds what", "[convert]") {
  const TemporaryFolder folder;
  ConvertOptions options;
  options.shard_size = 8'000;
  const auto converted = convert_checkpoint(test_data("layouts/bin"), {}, folder / "out", options);
  CHECK(converted.files.size() > 2);
  CHECK(converted.files.front().filename().string() == "model-00001-of-0000" + std::to_string(converted.files.size()) + ".safetensors");
  for (const auto& file : converted.files) CHECK(fs::file_size(file) < 8'000 + 4'000);
  CHECK(tensors_of(open_checkpoint(folder / "out")) == tensors_of(open_checkpoint(test_data("layouts/bin"))));
  CHECK(open_checkpoint(folder / "out").notes.empty());  // total_size is right
}

TEST_CASE("convert: what is encoded is decoded in float32, and the config tells nothing of it", "[convert]") {
  const TemporaryFolder folder;
  const auto source = test_data("quantised/gptq-int8/checkpoint");
  convert_checkpoint(source, {}, folder / "out");
  const auto model = open_checkpoint(folder / "out");
  CHECK_FALSE(model.config().contains("quantization_config"));
  const auto* weight = model.find("model.layers.0.mlp.down_proj.weight");
  REQUIRE(weight);
  CHECK(weight->dtype == DType::kF32);
  CHECK(weight->encoding.empty());
  CHECK(data_of(test_data("quantised/gptq-int8/reference.safetensors"), "dequantised.model.layers.0.mlp.down_proj.weight") ==
        data_of(folder / "out/model.safetensors", weight->name));
}

TEST_CASE("convert: a tokenizer goes along, weights of other forms do not", "[convert]") {
  const TemporaryFolder folder;
  fs::copy(test_data("layouts/bin"), folder / "in");
  write_text(folder / "in/tokenizer.json", "{}");
  write_text(folder / "in/tokenizer.model", "x");
  write_text(folder / "in/other.bin", "x");
  convert_checkpoint(folder / "in", {}, folder / "out");
  CHECK(fs::exists(folder / "out/tokenizer.json"));
  CHECK(fs::exists(folder / "out/tokenizer.model"));
  CHECK_FALSE(fs::exists(folder / "out/other.bin"));
  CHECK_FALSE(fs::exists(folder / "out/pytorch_model.bin"));
}

TEST_CASE("convert: nothing that stands is written over", "[convert]") {
  const TemporaryFolder folder;
  fs::copy(test_data("layouts/bin"), folder / "in");
  CHECK_THROWS_MATCHES(convert_checkpoint(folder / "in", {}, folder / "in"), Error, is_error(Errc::kInvalidArgument, "has a model in it: name a new folder"));
  ConvertOptions options;
  options.dtype = DType::kI8;
  CHECK_THROWS_MATCHES(convert_checkpoint(folder / "in", {}, folder / "out", options), Error, is_error(Errc::kInvalidArgument, "models are converted to F32, BF16 and F16"));
  fs::remove(folder / "in/config.json");
  CHECK_THROWS_MATCHES(convert_checkpoint(folder / "in", {}, folder / "out"), Error, is_error(Errc::kUnsupported, "has no config.json"));
  CHECK_FALSE(fs::exists(folder / "out"));
}

TEST_CASE("convert: a registered model that changed since is refused", "[convert]") {
  TestRegistry registry;
  fs::copy(test_data("layouts/bin"), registry.folder / "in");
  registry->register_model("m", open_checkpoint(registry.folder / "in"));
  CHECK(convert_model(registry.registry, "m", registry.folder / "out").tensors == 30);
  write_text(registry.folder / "in/config.json", read_text(registry.folder / "in/config.json") + " ");
  CHECK_THROWS_MATCHES(convert_model(registry.registry, "m", registry.folder / "again"), Error, is_error(Errc::kCorrupt, "changed since 'm' was registered"));
  CHECK_THROWS_MATCHES(convert_model(registry.registry, "none", registry.folder / "again"), Error, is_error(Errc::kNotFound, "none"));
}
