// Models in other forms: registering a GGUF file of 40 GB, and how fast what is encoded is decoded, beside a copy.
#include <cstring>
#include <functional>

#include <benchmark/benchmark.h>

#include <garage/checkpoint.hpp>

#include "../../core/src/bytes/read_file.hpp"
#include "../../core/src/encoding/ggml/ggml_types.hpp"
#include "checkpoint_files.hpp"
#include "gguf_bytes.hpp"
#include "run_program.hpp"
#include "whole_process.hpp"

namespace {

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

constexpr std::uint32_t kF32 = 0, kQ4K = 12;

// A Llama of 70 billion parameters in Q4_K, with a vocabulary of 256,000 tokens and as many merges: a sparse file.
class LargeGguf {
 public:
  LargeGguf() {
    file_.pair("general.architecture", "llama").pair("llama.block_count", 80U).pair("llama.context_length", 8192U);
    file_.pair("llama.embedding_length", 8192U).pair("llama.feed_forward_length", 28672U);
    file_.pair("llama.attention.head_count", 64U).pair("llama.attention.head_count_kv", 8U);
    file_.pair("llama.attention.layer_norm_rms_epsilon", 1e-5F);
    for (const auto* key : {"tokenizer.ggml.tokens", "tokenizer.ggml.merges"}) {
      auto texts = file_.array(GgufBytes::kText, kTokens);
      for (int i = 0; i < kTokens; ++i) texts += file_.text("token " + std::to_string(i));
      file_.pair(key, GgufBytes::kArray, texts);
    }
    add("token_embd.weight", {8192, kTokens}, kQ4K);
    for (int i = 0; i < 80; ++i) add_layer("blk." + std::to_string(i) + ".");
    add("output_norm.weight", {8192}, kF32);
    add("output.weight", {8192, kTokens}, kQ4K);
    const auto header = file_.file();
    write_text(path, header);
    fs::resize_file(path, (header.size() + 31) / 32 * 32 + data_);
  }

  TemporaryFolder folder;
  fs::path path = folder / "llama-70b-Q4_K.gguf";

 private:
  static constexpr int kTokens = 256'000;

  void add(const std::string& name, const std::vector<std::uint64_t>& dimensions, std::uint32_t type) {
    std::uint64_t numbers = 1;
    for (const auto size : dimensions) numbers *= size;
    file_.tensor(name, dimensions, type, "", data_);
    data_ += type == kF32 ? numbers * 4 : numbers / 256 * 144;
  }
  void add_layer(const std::string& layer) {
    for (const auto* norm : {"attn_norm", "ffn_norm"}) add(layer + norm + ".weight", {8192}, kF32);
    for (const auto* square : {"attn_q", "attn_output"}) add(layer + square + ".weight", {8192, 8192}, kQ4K);
    for (const auto* narrow : {"attn_k", "attn_v"}) add(layer + narrow + ".weight", {8192, 1024}, kQ4K);
    for (const auto* up : {"ffn_gate", "ffn_up"}) add(layer + up + ".weight", {8192, 28672}, kQ4K);
    add(layer + "ffn_down.weight", {28672, 8192}, kQ4K);
  }

  GgufBytes file_;
  std::uint64_t data_ = 0;
};

void process_register_gguf_40gb(benchmark::State& state) {
  static const LargeGguf gguf;
  const TemporaryFolder folder;
  whole_process(state, folder / "catalog", {"register", "m", gguf.path.string()});
  state.counters["GB of file"] = static_cast<double>(fs::file_size(gguf.path)) / 1e9;
}

constexpr std::int64_t kSide = 2048, kAtOnce = 64;

// All rows, some at a time, as who asks for a tensor has them. Bytes are those of the float32 that come of it.
void decode(benchmark::State& state, const Encoding& encoding, const std::vector<Encoding::Piece>& pieces) {
  std::vector<float> out(kSide * kAtOnce);
  for (auto _ : state)
    for (std::int64_t row = 0; row < kSide; row += kAtOnce) {
      encoding.decode({kSide, kSide}, pieces, row, kAtOnce, out.data());
      benchmark::DoNotOptimize(out.data());
    }
  state.SetBytesProcessed(state.iterations() * kSide * kSide * static_cast<std::int64_t>(sizeof(float)));
}

void copy(benchmark::State& state) {
  const std::vector<float> in(kSide * kSide);
  std::vector<float> out(kSide * kAtOnce);
  for (auto _ : state)
    for (std::int64_t row = 0; row < kSide; row += kAtOnce) {
      std::memcpy(out.data(), in.data() + row * kSide, out.size() * sizeof(float));
      benchmark::DoNotOptimize(out.data());
    }
  state.SetBytesProcessed(state.iterations() * kSide * kSide * static_cast<std::int64_t>(sizeof(float)));
}

// Bytes that are no number's extremes: blocks of what a quantiser might have written.
void decode_ggml(benchmark::State& state, std::uint32_t number) {
  const auto& type = *ggml_type(number);
  std::vector<std::uint8_t> bytes(kSide * kSide / type.block_numbers * type.block_bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(0x20 + i * 7 % 24);
  decode(state, *ggml_encoding(type, false), {bytes});
}

// The one linear layer of a checkpoint with these tensors.
void decode_quantised(benchmark::State& state, const std::string& config, const std::vector<TensorInfo>& tensors) {
  const TemporaryFolder folder;
  write_checkpoint(folder.path(), config, tensors);
  const auto located = locate_checkpoint(folder.path());
  const auto& stored = located.tensors.at("m.weight");
  std::vector<std::string> bytes;
  for (const auto& extent : stored.extents)
    bytes.push_back(ReadFile(located.weight_files.at(extent.file)).read(extent.offset, extent.size));
  std::vector<Encoding::Piece> pieces;
  for (const auto& piece : bytes)
    pieces.emplace_back(reinterpret_cast<const std::uint8_t*>(piece.data()), piece.size());
  decode(state, *stored.encoding, pieces);
}

const bool is_registered [[maybe_unused]] = [] {
  benchmark::RegisterBenchmark("process_register_gguf_40gb", process_register_gguf_40gb)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("decode/copy", copy)->Unit(benchmark::kMillisecond);
  for (std::uint32_t number = 0; number < 64; ++number)
    if (const auto* type = ggml_type(number); type && ggml_encoding(*type, false))
      benchmark::RegisterBenchmark(("decode/" + std::string(type->name)).c_str(), decode_ggml, number)
          ->Unit(benchmark::kMillisecond);
  const auto n = kSide;
  const auto quantised = [](const char* name, const std::string& config, const std::vector<TensorInfo>& tensors) {
    benchmark::RegisterBenchmark(name, decode_quantised,
                                 "{\"model_type\": \"llama\", \"quantization_config\": " + config + "}", tensors)
        ->Unit(benchmark::kMillisecond);
  };
  quantised("decode/GPTQ int4", R"({"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": false})",
            {{"m.qweight", DType::kI32, {n / 8, n}},
             {"m.qzeros", DType::kI32, {n / 128, n / 8}},
             {"m.scales", DType::kF16, {n / 128, n}},
             {"m.g_idx", DType::kI32, {n}}});
  quantised("decode/AWQ int4",
            R"({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": true, "version": "gemm"})",
            {{"m.qweight", DType::kI32, {n, n / 8}},
             {"m.qzeros", DType::kI32, {n / 128, n / 8}},
             {"m.scales", DType::kF16, {n / 128, n}}});
  quantised("decode/FP8 blocks", R"({"quant_method": "fp8", "weight_block_size": [128, 128]})",
            {{"m.weight", DType::kF8E4M3, {n, n}}, {"m.weight_scale_inv", DType::kF32, {n / 128, n / 128}}});
  quantised(
      "decode/int4 groups",
      R"({"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 128, "symmetric": true}}}})",
      {{"m.weight_packed", DType::kI32, {n, n / 8}},
       {"m.weight_scale", DType::kBF16, {n, n / 128}},
       {"m.weight_shape", DType::kI64, {2}}});
  quantised(
      "decode/int8 channels",
      R"({"quant_method": "compressed-tensors", "format": "int-quantized", "config_groups": {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 8, "type": "int", "strategy": "channel", "symmetric": true}}}})",
      {{"m.weight", DType::kI8, {n, n}}, {"m.weight_scale", DType::kBF16, {n, 1}}});
  return true;
}();

}  // namespace
