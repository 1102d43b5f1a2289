// Models in other forms: registering a GGUF file of 40 GB, and how fast what is encoded is decoded, beside a copy.
#include <cstring>
#include <functional>

#include <benchmark/benchmark.h>

#include <garage/checkpoint.hpp>

#include "../../core/src/bytes/read_file.hpp"
#include "../../core/src/encoding/ggml/ggml_types.hpp"
#include "checkpoint_files.hpp"
#include "large_gguf.hpp"
#include "run_program.hpp"
#include "whole_process.hpp"

namespace {

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

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
