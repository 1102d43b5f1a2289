#include <garage/checkpoint.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "as_nobody.hpp"
#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "places.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

TEST_CASE("checkpoint: a folder and its single file are the same model", "[checkpoint]") {
  const auto folder = open_checkpoint(reference("gpt2"));
  const auto file = open_checkpoint(reference("gpt2") / "model.safetensors");
  CHECK(folder.tensors().size() == 40);
  CHECK(file.tensors().size() == 40);
  CHECK(file.config() == folder.config());
  CHECK(folder.source.kind == "checkpoint");
  CHECK(fs::path(folder.source.path).is_absolute());
  CHECK(folder.source.fingerprint == file.source.fingerprint);
}

TEST_CASE("checkpoint: a trailing slash is no other folder", "[checkpoint]") {
  CHECK(open_checkpoint(reference("gpt2") / "").source.path == open_checkpoint(reference("gpt2")).source.path);
}

TEST_CASE("checkpoint: the hub's cache of links opens", "[checkpoint]") {
  const TemporaryFolder cache;
  fs::create_directories(cache / "blobs");
  fs::create_directories(cache / "snapshots/abc");
  for (const auto* name : {"config.json", "model.safetensors"}) {
    fs::copy_file(reference("llama-2") / name, cache / ("blobs/" + std::string(name) + "-hash"));
    fs::create_symlink("../../blobs/" + std::string(name) + "-hash", cache / ("snapshots/abc/" + std::string(name)));
  }
  CHECK(open_checkpoint(cache / "snapshots/abc").tensors().size() == 30);
  CHECK(open_checkpoint(cache / "snapshots/abc/model.safetensors").config().at("model_type") == "llama");
}

TEST_CASE("checkpoint: its fingerprint changes with the config, a header and a shape, and with nothing else", "[checkpoint]") {
  const TemporaryFolder folder;
  const auto fingerprint = [&] { return open_checkpoint(folder / "m").source.fingerprint; };
  write_checkpoint(folder / "m", R"({"a": 1})", {{"w", DType::kF32, {2, 3}}});
  const auto first = fingerprint();
  write_checkpoint(folder / "m", R"({"a": 1})", {{"w", DType::kF32, {2, 3}}});
  CHECK(fingerprint() == first);
  write_checkpoint(folder / "m", R"({"a": 2})", {{"w", DType::kF32, {2, 3}}});
  CHECK(fingerprint() != first);
  write_checkpoint(folder / "m", R"({"a": 1})", {{"w", DType::kF32, {3, 2}}});
  CHECK(fingerprint() != first);
  fs::remove_all(folder / "m");
  write_checkpoint(folder / "m", R"({"a": 1})", {{"w", DType::kF32, {2, 3}}, {"v", DType::kF32, {1}}}, 2);
  CHECK(fingerprint() != first);
}

TEST_CASE("checkpoint: a config that is none is refused, and named", "[checkpoint][config]") {
  struct Case { const char* title; std::string config; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"empty", "", "config.json: not valid JSON at line 1, column 1: it is empty"},
      {"not JSON", "model_type: llama", "config.json: not valid JSON at line 1"},
      {"cut off", "{\n  \"model_type\": \"llama\",\n", "config.json: not valid JSON at line 3"},
      {"a list", "[]", "config.json: is no JSON object but array"},
      {"a word", "\"llama\"", "config.json: is no JSON object but string"},
      {"a key twice", R"({"n_head": 4, "n_head": 8})", "config.json: key 'n_head' stands twice"},
      {"nested a million deep", R"({"a":)" + std::string(1000000, '['), "config.json: nested deeper than 64 levels"},
      {"something behind it", "{} {}", "config.json: not valid JSON at line 1, column 4"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TemporaryFolder folder;
    write_checkpoint(folder.path(), c.config, {{"w", DType::kF32, {1}}});
    CHECK_THROWS_MATCHES(open_checkpoint(folder.path()), Error, is_error(Errc::kCorrupt, c.says));
  }
}

TEST_CASE("checkpoint: weights without a config are a model without one", "[checkpoint][config]") {
  const TemporaryFolder folder;
  write_safetensors(folder / "model.safetensors", {{"w", DType::kF32, {1}}});
  CHECK(open_checkpoint(folder.path()).config().empty());
}

TEST_CASE("checkpoint: what is no checkpoint is refused with what is there instead", "[checkpoint]") {
  const TemporaryFolder folder;
  CHECK_THROWS_MATCHES(open_checkpoint(folder / "absent"), Error, is_error(Errc::kNotFound, "absent"));
  CHECK_THROWS_MATCHES(open_checkpoint(""), Error, is_error(Errc::kNotFound, "cannot be opened"));
  CHECK_THROWS_MATCHES(open_checkpoint(folder.path()), Error, is_error(Errc::kNotFound, "has neither model.safetensors nor model.safetensors.index.json"));
  struct Case { const char* name; const char* says; };
  const auto c = GENERATE(values<Case>({{"consolidated.safetensors", "Mistral's own layout"},
                                        {"adapter_model.safetensors", "an adapter and no model"}}));
  write_text(folder / c.name, "x");
  CHECK_THROWS_MATCHES(open_checkpoint(folder.path()), Error, is_error(Errc::kUnsupported, c.says));
}

TEST_CASE("checkpoint: a quantised one is refused, never mis-dimensioned", "[checkpoint][quantised]") {
  struct Case { const char* title; const char* config; TensorInfo tensor; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"quantization_config", R"({"quantization_config": {"quant_method": "gptq"}})", {"w", DType::kF16, {1}}, "'quantization_config' (gptq)"},
      {"in the text config", R"({"text_config": {"quantization_config": {"quant_method": "fp8"}}})", {"w", DType::kF16, {1}}, "(fp8)"},
      {"compression_config", R"({"compression_config": {}})", {"w", DType::kF16, {1}}, "'compression_config'"},
      {"left over", R"({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true, "load_in_8bit": false}})", {"q.weight", DType::kBF16, {8, 8}},
       "config.json has 'quantization_config' (bitsandbytes), and its weights are plain: the key was left over from a quantised model, or asks to quantise them while they are loaded, which is not done here. If they are what you want, remove the key from config.json"},
      {"left over of a method without a switch", R"({"quantization_config": {"quant_method": "awq", "load_in_4bit": false, "load_in_8bit": false}})", {"q.weight", DType::kF16, {8, 8}}, "(awq), and its weights are plain"},
      {"left over without a method", R"({"quantization_config": {}})", {"q.weight", DType::kF16, {8, 8}}, "config.json has 'quantization_config', and its weights are plain"},
      {"switched off, and it is", R"({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": false}})", {"q.weight", DType::kU8, {8, 8}}, "is quantised: tensor 'q.weight' is U8"},
      {"GPTQ", "{}", {"model.layers.0.q_proj.qweight", DType::kI32, {8, 8}}, "tensor 'model.layers.0.q_proj.qweight' belongs to a quantiser"},
      {"AWQ", "{}", {"q.qzeros", DType::kI32, {8}}, "tensor 'q.qzeros'"},
      {"FP8 with scales", "{}", {"q.weight_scale_inv", DType::kF32, {1}}, "tensor 'q.weight_scale_inv'"},
      {"bitsandbytes", "{}", {"q.weight.quant_state.bitsandbytes__nf4", DType::kU8, {8}}, "belongs to a quantiser"},
      {"bitsandbytes, absmax", "{}", {"q.weight.absmax", DType::kF32, {8}}, "belongs to a quantiser"},
      {"LLM.int8", "{}", {"q.SCB", DType::kF32, {8}}, "belongs to a quantiser"},
      {"MXFP4", "{}", {"mlp.experts.gate_up_proj_blocks", DType::kU8, {2, 2}}, "belongs to a quantiser"},
      {"packed without a mark", "{}", {"q.weight", DType::kU8, {8, 8}}, "tensor 'q.weight' is U8"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TemporaryFolder folder;
    write_checkpoint(folder.path(), c.config, {c.tensor});
    CHECK_THROWS_MATCHES(open_checkpoint(folder.path()), Error, is_error(Errc::kUnsupported, c.says));
  }
}

TEST_CASE("checkpoint: a quantiser that is absent or switched off leaves plain weights plain", "[checkpoint][quantised]") {
  const auto config = GENERATE(as<std::string>(), R"({"quantization_config": null})",
                               R"({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": false, "load_in_8bit": false}})",
                               R"({"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": null, "bnb_4bit_quant_type": "nf4"}})",
                               R"({"text_config": {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": 0}}})");
  const TemporaryFolder folder;
  write_checkpoint(folder.path(), config, {{"w", DType::kF16, {1}}});
  CHECK_NOTHROW(open_checkpoint(folder.path()));
}

TEST_CASE("checkpoint: a file that may not be read is an I/O error", "[checkpoint]") {
  const TemporaryFolder folder;
  write_checkpoint(folder.path(), "{}", {{"w", DType::kF16, {1}}});
  fs::permissions(folder.path(), fs::perms::all);
  fs::permissions(folder / "model.safetensors", fs::perms::none);
  const AsNobody unprivileged;
  CHECK_THROWS_MATCHES(open_checkpoint(folder.path()), Error, is_error(Errc::kIo, "model.safetensors: cannot be opened: Permission denied"));
}
