// Quantised checkpoints, as their own libraries write and read them: tests/data/quantised, made by the make.py there.
#include <bit>
#include <cstring>
#include <map>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include <garage/checkpoint.hpp>
#include <garage/safetensors.hpp>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "places.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

fs::path quantised(std::string_view name) { return test_data("quantised") / name; }

// The bits of float32 numbers, as they lie in memory: of what is no number, too, these must be the same.
using Bits = std::vector<std::uint32_t>;

// Rows of a tensor, decoded so many at a time.
Bits decoded(const LocatedModel& located, const std::string& name, std::int64_t at_once) {
  const auto* info = located.model.find(name);
  REQUIRE(info);
  const auto& stored = located.tensors.at(name);
  REQUIRE(stored.encoding);
  std::vector<std::string> bytes;
  for (const auto& extent : stored.extents) bytes.push_back(read_text(located.weight_files.at(extent.file)).substr(extent.offset, extent.size));
  std::vector<Encoding::Piece> pieces;
  for (const auto& piece : bytes) pieces.emplace_back(reinterpret_cast<const std::uint8_t*>(piece.data()), piece.size());
  const auto [rows, columns] = rows_of(info->shape);
  std::vector<float> numbers(static_cast<std::size_t>(rows * columns));
  for (std::int64_t row = 0; row < rows; row += at_once)
    stored.encoding->decode(info->shape, pieces, row, std::min(at_once, rows - row), numbers.data() + row * columns);
  Bits bits(numbers.size());
  std::memcpy(bits.data(), numbers.data(), bits.size() * sizeof(float));
  return bits;
}

struct Reference {
  TensorInfo info;
  Bits numbers;
};

// "model.layers.0.mlp.up_proj.weight": what reference.safetensors has of it.
std::map<std::string, Reference> dequantised(const fs::path& folder) {
  const std::string mark = "dequantised.";
  const auto file = folder / "reference.safetensors";
  const auto header = read_safetensors_header(file);
  const auto whole = read_text(file);
  std::map<std::string, Reference> found;
  for (const auto& [tensor, begin, end] : header.entries) {
    if (!tensor.name.starts_with(mark)) continue;
    auto& reference = found[tensor.name.substr(mark.size())] = {tensor, Bits((end - begin) / sizeof(float))};
    std::memcpy(reference.numbers.data(), whole.data() + header.data_begin + begin, end - begin);
  }
  return found;
}

// Each encoding of the model's tensors, with how many have it: "3 int4 groups".
std::vector<std::string> encodings_of(const Model& model) {
  std::map<std::string_view, int> counts;
  for (const auto& tensor : model.tensors())
    if (!tensor.encoding.empty()) ++counts[tensor.encoding];
  std::vector<std::string> texts;
  for (const auto& [name, count] : counts) texts.push_back(fmt::format("{} {}", count, name));
  return texts;
}

struct Bytes {
  TensorInfo info;
  std::string bytes;
};

void write_with_bytes(const fs::path& folder, std::string_view config, const std::vector<Bytes>& tensors) {
  write_text(folder / "config.json", config);
  std::vector<SafetensorsData> data;
  for (const auto& tensor : tensors) data.push_back({tensor.info, tensor.bytes.data()});
  write_safetensors(folder / "model.safetensors", std::move(data));
}

std::string config_of(std::string_view settings) { return fmt::format(R"({{"quantization_config": {{{}}}}})", settings); }

const auto kGptq = config_of(R"("quant_method": "gptq", "bits": 4, "group_size": 16)");
const auto kAwq = config_of(R"("quant_method": "awq", "bits": 4, "group_size": 16, "version": "gemm")");
const auto kFp8 = config_of(R"("quant_method": "fp8", "weight_block_size": [16, 16])");
const auto kMxfp4 = config_of(R"("quant_method": "mxfp4")");
const auto kBnb4 = config_of(R"("quant_method": "bitsandbytes", "load_in_4bit": true)");
const auto kBnb8 = config_of(R"("quant_method": "bitsandbytes", "load_in_8bit": true)");

// Of one group of Linear layers, or several.
std::string compressed(std::string_view format, std::initializer_list<std::string_view> weights) {
  std::string groups;
  for (const auto& one : weights)
    groups += fmt::format(R"({}"g{}": {{"targets": ["Linear"], "weights": {{{}}}}})", groups.empty() ? "" : ", ", groups.size(), one);
  return config_of(fmt::format(R"("quant_method": "compressed-tensors", "format": "{}", "config_groups": {{{}}})", format, groups));
}

const auto kInt4 = compressed("pack-quantized", {R"("num_bits": 4, "type": "int", "strategy": "group", "group_size": 16)"});
const auto kInt8 = compressed("int-quantized", {R"("num_bits": 8, "type": "int", "strategy": "channel")"});

}  // namespace

TEST_CASE("quantised: each number is what the quantiser's own code computes, to the bit", "[checkpoint][quantised][encoding]") {
  struct Case { const char* folder; std::vector<std::string> encodings; };
  const auto c = GENERATE(values<Case>({
      {"gptq-act-order", {"7 GPTQ int4"}},
      {"gptq-no-g-idx", {"7 GPTQ int4"}},
      {"gptq-v2-bits", {"1 GPTQ int2", "2 GPTQ int3", "3 GPTQ int4", "1 GPTQ int8"}},
      {"gptq-int3", {"7 GPTQ int3"}},
      {"gptq-int3-bin", {"7 GPTQ int3"}},
      {"gptq-int8", {"7 GPTQ int8"}},
      {"gptq-borrow", {"1 GPTQ int4"}},
      {"awq", {"7 AWQ int4"}},
      {"awq-channels", {"7 AWQ int4"}},
      {"fp8-blocks", {"7 FP8 blocks"}},
      {"fp8-tensor", {"7 FP8 tensor"}},
      {"fp8-weight-scale", {"7 FP8 tensor"}},
      {"fp8-experts", {"2 FP8 blocks", "1 MXFP4"}},
      {"mxfp8", {"7 MXFP8"}},
      {"mxfp4", {"2 MXFP4"}},
      {"ct-int4-asymmetric", {"7 int4 groups"}},
      {"ct-int4-act-order", {"7 int4 groups"}},
      {"ct-mixed", {"1 FP8 tensor", "1 int3 channels", "1 int4 channels", "1 int4 tensor", "1 int8 channels", "1 int8 groups", "1 int8 tensor"}},
      {"ct-floats", {"1 FP8 blocks", "1 FP8 channels", "1 FP8 groups", "1 MXFP4", "1 MXFP8", "1 NVFP4"}},
      {"bnb-nf4", {"7 bnb nf4"}},
      {"bnb-fp4", {"7 bnb fp4"}},
      {"bnb-storage", {"7 bnb nf4"}},
      {"bnb-int8", {"7 bnb int8"}},
  }));
  DYNAMIC_SECTION(c.folder) {
    const auto located = locate_checkpoint(quantised(c.folder) / "checkpoint");
    CHECK(encodings_of(located.model) == c.encodings);
    const auto references = dequantised(quantised(c.folder));
    CHECK(!references.empty());
    for (const auto& [name, reference] : references) {
      INFO(name);
      const auto* info = located.model.find(name);
      REQUIRE(info);
      CHECK(info->dtype == DType::kF32);
      CHECK(info->shape == reference.info.shape);
      CHECK(info->encoding == located.tensors.at(name).encoding->name());
      for (const std::int64_t at_once : {1, 7, 100'000}) CHECK(decoded(located, name, at_once) == reference.numbers);
    }
  }
}

TEST_CASE("quantised: plugins see the tensors of a plain checkpoint, and no others", "[checkpoint][quantised]") {
  const std::string layer = "model.layers.0.";
  const std::vector<std::string> llama = {"lm_head.weight", "model.embed_tokens.weight", layer + "input_layernorm.weight", layer + "mlp.down_proj.weight", layer + "mlp.gate_proj.weight",
      layer + "mlp.up_proj.weight", layer + "post_attention_layernorm.weight", layer + "self_attn.k_proj.weight", layer + "self_attn.o_proj.weight", layer + "self_attn.q_proj.weight",
      layer + "self_attn.v_proj.weight", "model.norm.weight"};
  const auto* folder = GENERATE("gptq-act-order", "awq", "fp8-tensor", "ct-mixed", "bnb-nf4", "bnb-int8");
  const auto model = open_checkpoint(quantised(folder) / "checkpoint");
  std::vector<std::string> names;
  for (const auto& tensor : model.tensors()) names.push_back(tensor.name);
  CHECK(names == llama);
  CHECK(model.find("lm_head.weight")->encoding.empty());
  CHECK(model.find("lm_head.weight")->dtype == DType::kBF16);
  CHECK(model.config().contains("quantization_config"));
}

TEST_CASE("quantised: what only activations need is left out, and said", "[checkpoint][quantised]") {
  CHECK(open_checkpoint(quantised("fp8-tensor") / "checkpoint").notes == std::vector<std::string>{"left out, since activations are not quantised here: 7 activation_scale"});
  CHECK(open_checkpoint(quantised("ct-floats") / "checkpoint").notes == std::vector<std::string>{"left out, since activations are not quantised here: 6 input_scale"});
  const TemporaryFolder folder;
  write_checkpoint(folder.path(), kInt8, {{"q.weight", DType::kI8, {8, 8}}, {"q.weight_scale", DType::kBF16, {8, 1}}, {"a.k_scale", DType::kF32, {1}}, {"a.v_scale", DType::kF32, {1}}, {"b.k_scale", DType::kF32, {1}}});
  const auto model = open_checkpoint(folder.path());
  CHECK(model.tensors().size() == 1);
  CHECK(model.notes == std::vector<std::string>{"left out, since activations are not quantised here: 2 k_scale, 1 v_scale"});
}

TEST_CASE("quantised: a tensor that is kept under another one's name is found", "[checkpoint][quantised]") {
  const TemporaryFolder folder;
  write_text(folder / "config.json", kGptq);
  std::vector<TensorInfo> tensors = {{"p.g_idx", DType::kI32, {32}}};
  for (const std::string module : {"p", "q"})
    tensors.insert(tensors.end(), {{module + ".qweight", DType::kI32, {4, 32}}, {module + ".qzeros", DType::kI32, {2, 4}}, {module + ".scales", DType::kF16, {2, 32}}});
  garage::test::write_safetensors(folder / "model.safetensors", tensors, {{"q.g_idx", "p.g_idx"}});
  const auto located = locate_checkpoint(folder.path());
  REQUIRE(located.tensors.size() == 2);
  REQUIRE(located.tensors.at("q.weight").extents.size() == 4);
  CHECK(located.tensors.at("q.weight").extents[3].offset == located.tensors.at("p.weight").extents[3].offset);
}

TEST_CASE("quantised: a config that names no method but a width is bitsandbytes'", "[checkpoint][quantised]") {
  const TemporaryFolder folder;
  write_checkpoint(folder.path(), config_of(R"("load_in_8bit": true)"), {{"q.weight", DType::kI8, {4, 8}}, {"q.SCB", DType::kF32, {4}}});
  CHECK(encodings_of(open_checkpoint(folder.path())) == std::vector<std::string>{"1 bnb int8"});
}

TEST_CASE("quantised: a tensor without those that it needs, or with others, is refused by name", "[checkpoint][quantised]") {
  struct Case { const char* title; std::string config; std::vector<TensorInfo> tensors; Errc code; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"GPTQ without scales", kGptq, {{"q.qweight", DType::kI32, {4, 32}}, {"q.qzeros", DType::kI32, {2, 4}}}, Errc::kCorrupt, "tensor 'q.qweight' of I32 [4, 32] has no 'q.scales' beside it"},
      {"GPTQ without zeros", kGptq, {{"q.qweight", DType::kI32, {4, 32}}, {"q.scales", DType::kF16, {2, 32}}}, Errc::kCorrupt, "tensor 'q.qweight' of I32 [4, 32] has no 'q.qzeros' beside it"},
      {"GPTQ with scales of other groups", kGptq, {{"q.qweight", DType::kI32, {4, 32}}, {"q.qzeros", DType::kI32, {2, 4}}, {"q.scales", DType::kF16, {4, 32}}}, Errc::kCorrupt,
       "tensor 'q.scales' of F16 [4, 32] should have shape [2, 32] to fit tensor 'q.qweight' of I32 [4, 32]"},
      {"GPTQ with integers for scales", kGptq, {{"q.qweight", DType::kI32, {4, 32}}, {"q.qzeros", DType::kI32, {2, 4}}, {"q.scales", DType::kI16, {2, 32}}}, Errc::kCorrupt,
       "tensor 'q.scales' of I16 [2, 32] should be F16 or BF16 or F32"},
      {"GPTQ with zeros of other bits", kGptq, {{"q.qweight", DType::kI32, {4, 32}}, {"q.qzeros", DType::kI32, {2, 8}}, {"q.scales", DType::kF16, {2, 32}}}, Errc::kCorrupt,
       "tensor 'q.qzeros' of I32 [2, 8] should have shape [2, 4] to fit"},
      {"GPTQ with too short a g_idx", kGptq, {{"q.qweight", DType::kI32, {4, 32}}, {"q.qzeros", DType::kI32, {2, 4}}, {"q.scales", DType::kF16, {2, 32}}, {"q.g_idx", DType::kI32, {16}}}, Errc::kCorrupt,
       "tensor 'q.g_idx' of I32 [16] should have shape [32] to fit"},
      {"GPTQ that needs a g_idx", config_of(R"("quant_method": "gptq", "bits": 4, "group_size": 16, "desc_act": true)"), {{"q.qweight", DType::kI32, {4, 32}}, {"q.qzeros", DType::kI32, {2, 4}}, {"q.scales", DType::kF16, {2, 32}}}, Errc::kCorrupt,
       "has no 'q.g_idx' beside it"},
      {"GPTQ of 3 bits in no whole words", config_of(R"("quant_method": "gptq", "bits": 3, "group_size": -1)"), {{"q.qweight", DType::kI32, {4, 32}}, {"q.qzeros", DType::kI32, {1, 3}}, {"q.scales", DType::kF16, {1, 32}}}, Errc::kCorrupt,
       "tensor 'q.qweight' of I32 [4, 32] does not hold numbers of 3 bits"},
      {"GPTQ of two bits that its zeros do not have", config_of(R"("quant_method": "gptq", "bits": 4, "dynamic": {})"), {{"q.qweight", DType::kI32, {4, 32}}, {"q.qzeros", DType::kI32, {1, 5}}, {"q.scales", DType::kF16, {1, 32}}}, Errc::kCorrupt,
       "tensor 'q.qzeros' of I32 [1, 5] does not fit tensor 'q.scales' of F16 [1, 32]"},
      {"GPTQ in rows of nothing", kGptq, {{"q.qweight", DType::kI32, {4, 0}}, {"q.qzeros", DType::kI32, {2, 0}}, {"q.scales", DType::kF16, {2, 0}}}, Errc::kCorrupt, "tensor 'q.qweight' of I32 [4, 0] has no numbers"},
      {"GPTQ beside the plain weight", kGptq, {{"q.weight", DType::kF16, {32, 32}}, {"q.qweight", DType::kI32, {4, 32}}, {"q.qzeros", DType::kI32, {2, 4}}, {"q.scales", DType::kF16, {2, 32}}}, Errc::kCorrupt,
       "tensor 'q.qweight' of I32 [4, 32] and tensor 'q.weight' of F16 [32, 32] stand for the same weight"},
      {"GPTQ scales alone", kGptq, {{"q.scales", DType::kF16, {2, 32}}}, Errc::kCorrupt, "tensor 'q.scales' belongs to a quantiser, and what is beside it makes no weight as gptq stores them"},
      {"scales alone beside whole ones", kGptq, {{"q.qweight", DType::kI32, {4, 32}}, {"q.qzeros", DType::kI32, {2, 4}}, {"q.scales", DType::kF16, {2, 32}}, {"r.scales", DType::kF16, {2, 32}}}, Errc::kCorrupt, "tensor 'r.scales' belongs to a quantiser"},
      {"GPTQ without bits", config_of(R"("quant_method": "gptq")"), {{"q.qweight", DType::kI32, {4, 32}}}, Errc::kCorrupt, "config.json: quantization_config: has no 'bits'"},
      {"GPTQ of text for bits", config_of(R"("quant_method": "gptq", "bits": "4")"), {{"q.qweight", DType::kI32, {4, 32}}}, Errc::kCorrupt, "'bits' is of kind string, should be an integer"},
      {"GPTQ of 5 bits", config_of(R"("quant_method": "gptq", "bits": 5)"), {{"q.qweight", DType::kI32, {4, 32}}}, Errc::kUnsupported, "'bits' is 5, and 2, 3, 4 and 8 are read"},
      {"GPTQ of another format", config_of(R"("quant_method": "gptq", "bits": 4, "checkpoint_format": "marlin")"), {{"q.qweight", DType::kI32, {4, 32}}}, Errc::kUnsupported, "'checkpoint_format' is 'marlin', and gptq and gptq_v2 are read"},
      {"GPTQ in groups of -2", config_of(R"("quant_method": "gptq", "bits": 4, "group_size": -2)"), {{"q.qweight", DType::kI32, {4, 32}}}, Errc::kCorrupt, "'group_size' is -2"},

      {"AWQ without zeros", kAwq, {{"q.qweight", DType::kI32, {32, 4}}, {"q.scales", DType::kF16, {2, 32}}}, Errc::kCorrupt, "has no 'q.qzeros' beside it"},
      {"AWQ as GPTQ lies", kAwq, {{"q.qweight", DType::kI32, {4, 32}}, {"q.qzeros", DType::kI32, {2, 4}}, {"q.scales", DType::kF16, {2, 32}}}, Errc::kCorrupt, "tensor 'q.qweight' of I32 [4, 32] is for 4 columns, which are not whole groups of 16"},
      {"AWQ with scales of other rows", kAwq, {{"q.qweight", DType::kI32, {32, 4}}, {"q.qzeros", DType::kI32, {2, 4}}, {"q.scales", DType::kF16, {2, 16}}}, Errc::kCorrupt, "tensor 'q.scales' of F16 [2, 16] should have shape [2, 32] to fit tensor 'q.qweight' of I32 [32, 4]"},
      {"AWQ of another version", config_of(R"("quant_method": "awq", "version": "gemv_fast")"), {{"q.qweight", DType::kI16, {8, 32}}}, Errc::kUnsupported, "'version' is 'gemv_fast', and gemm is read"},
      {"AWQ of 8 bits", config_of(R"("quant_method": "awq", "bits": 8)"), {{"q.qweight", DType::kI32, {32, 4}}}, Errc::kUnsupported, "'bits' is 8, and 4 are read"},
      {"AWQ without zeros at all", config_of(R"("quant_method": "awq", "zero_point": false)"), {{"q.qweight", DType::kI32, {32, 4}}}, Errc::kUnsupported, "'zero_point' is false"},

      {"FP8 without scales", kFp8, {{"q.weight", DType::kF8E4M3, {32, 32}}}, Errc::kCorrupt, "tensor 'q.weight' of F8_E4M3 [32, 32] has no 'q.weight_scale_inv' beside it"},
      {"FP8 with too few scales", kFp8, {{"q.weight", DType::kF8E4M3, {33, 32}}, {"q.weight_scale_inv", DType::kF32, {2, 2}}}, Errc::kCorrupt, "tensor 'q.weight_scale_inv' of F32 [2, 2] should have shape [3, 2] to fit tensor 'q.weight' of F8_E4M3 [33, 32]"},
      {"FP8 with scales of integers", kFp8, {{"q.weight", DType::kF8E4M3, {32, 32}}, {"q.weight_scale_inv", DType::kI32, {2, 2}}}, Errc::kCorrupt, "tensor 'q.weight_scale_inv' of I32 [2, 2] should be F32 or BF16"},
      {"FP8 of the other kind", kFp8, {{"q.weight", DType::kF8E5M2, {32, 32}}, {"q.weight_scale_inv", DType::kF32, {2, 2}}}, Errc::kCorrupt, "tensor 'q.weight_scale_inv' belongs to a quantiser, and what is beside it makes no weight as fp8 stores them"},
      {"FP8 beside one without", kFp8, {{"q.weight", DType::kF8E4M3, {32, 32}}, {"q.weight_scale_inv", DType::kF32, {2, 2}}, {"r.weight", DType::kF8E5M2, {2, 2}}}, Errc::kCorrupt, "tensor 'r.weight' is F8_E5M2, and what is beside it makes no weight"},
      {"FP8 in blocks of nothing", config_of(R"("quant_method": "fp8", "weight_block_size": [0, 16])"), {{"q.weight", DType::kF8E4M3, {32, 32}}}, Errc::kCorrupt, "'weight_block_size' is no list of two numbers from 1 to 2147483647"},
      {"FP8 scales alone", kFp8, {{"q.weight_scale_inv", DType::kF32, {2, 2}}}, Errc::kCorrupt, "tensor 'q.weight_scale_inv' belongs to a quantiser"},

      {"MXFP4 without scales", kMxfp4, {{"e.down_proj_blocks", DType::kU8, {2, 8, 1, 16}}}, Errc::kCorrupt, "tensor 'e.down_proj_blocks' of U8 [2, 8, 1, 16] has no 'e.down_proj_scales' beside it"},
      {"MXFP4 scales alone", kMxfp4, {{"e.down_proj_scales", DType::kU8, {2, 8, 1}}}, Errc::kCorrupt, "tensor 'e.down_proj_scales' belongs to a quantiser"},
      {"MXFP4 with other scales", kMxfp4, {{"e.down_proj_blocks", DType::kU8, {2, 8, 1, 16}}, {"e.down_proj_scales", DType::kU8, {2, 8, 2}}}, Errc::kCorrupt, "tensor 'e.down_proj_scales' of U8 [2, 8, 2] should have shape [2, 8, 1] to fit"},
      {"MXFP4 in blocks of 16", kMxfp4, {{"e.down_proj_blocks", DType::kU8, {2, 8, 1, 8}}, {"e.down_proj_scales", DType::kU8, {2, 8, 1}}}, Errc::kCorrupt, "tensor 'e.down_proj_blocks' of U8 [2, 8, 1, 8] should have shape [2, 8, 1, 16]"},
      {"MXFP4 of a matrix", kMxfp4, {{"e.down_proj_blocks", DType::kU8, {8, 1, 16}}, {"e.down_proj_scales", DType::kU8, {8, 1}}}, Errc::kCorrupt, "should have 4 dimensions"},

      {"int8 without scales", kInt8, {{"q.weight", DType::kI8, {8, 8}}}, Errc::kCorrupt, "tensor 'q.weight' of I8 [8, 8] has no 'q.weight_scale' beside it"},
      {"int8 with scales of groups", kInt8, {{"q.weight", DType::kI8, {8, 8}}, {"q.weight_scale", DType::kBF16, {8, 2}}}, Errc::kCorrupt,
       "tensor 'q.weight' of I8 [8, 8] and what is beside it (tensor 'q.weight_scale' of BF16 [8, 2]) fit none of the config's groups ('g0: int8, channel')"},
      {"int8 with zeros in another dtype", kInt8, {{"q.weight", DType::kI8, {8, 8}}, {"q.weight_scale", DType::kBF16, {8, 1}}, {"q.weight_zero_point", DType::kI32, {8, 1}}}, Errc::kCorrupt, "tensor 'q.weight_zero_point' of I32 [8, 1]) fit none"},
      {"float8 in a group of integers", kInt8, {{"q.weight", DType::kF8E4M3, {8, 8}}, {"q.weight_scale", DType::kBF16, {8, 1}}}, Errc::kCorrupt, "fit none of the config's groups"},
      {"int8 of no group", compressed("int-quantized", {}), {{"q.weight", DType::kI8, {8, 8}}, {"q.weight_scale", DType::kBF16, {8, 1}}}, Errc::kCorrupt, "fit none of the config's groups ()"},
      {"int8 that lacks its zeros", compressed("int-quantized", {R"("num_bits": 8, "strategy": "channel", "symmetric": false)"}), {{"q.weight", DType::kI8, {8, 8}}, {"q.weight_scale", DType::kBF16, {8, 1}}}, Errc::kCorrupt, "('g0: int8, channel, zeros')"},
      {"int4 without scales", kInt4, {{"q.weight_packed", DType::kI32, {8, 4}}, {"q.weight_shape", DType::kI64, {2}}}, Errc::kCorrupt, "tensor 'q.weight_packed' of I32 [8, 4] has no 'q.weight_scale' beside it"},
      {"int4 with scales of other groups", kInt4, {{"q.weight_packed", DType::kI32, {8, 4}}, {"q.weight_scale", DType::kBF16, {8, 3}}}, Errc::kCorrupt, "tensor 'q.weight_packed' of I32 [8, 4] and what is beside it (tensor 'q.weight_scale' of BF16 [8, 3]) fit none"},
      {"int4 by channel without its shape", compressed("pack-quantized", {R"("num_bits": 4, "strategy": "channel")"}), {{"q.weight_packed", DType::kI32, {8, 4}}, {"q.weight_scale", DType::kBF16, {8, 1}}}, Errc::kCorrupt, "has no 'q.weight_shape' beside it"},
      {"int4 by channel with a shape of nothing", compressed("pack-quantized", {R"("num_bits": 4, "strategy": "channel")"}), {{"q.weight_packed", DType::kI32, {8, 4}}, {"q.weight_scale", DType::kBF16, {8, 1}}, {"q.weight_shape", DType::kI64, {2}}}, Errc::kCorrupt,
       "tensor 'q.weight_shape' of I64 [2] says [0, 0], which does not fit tensor 'q.weight_packed' of I32 [8, 4]"},
      {"groups that differ in their bits alone", compressed("pack-quantized", {R"("num_bits": 7, "strategy": "group", "group_size": 16)", R"("num_bits": 8, "strategy": "group", "group_size": 16)"}), {{"q.weight_packed", DType::kI32, {8, 4}}, {"q.weight_scale", DType::kBF16, {8, 1}}}, Errc::kUnsupported,
       "may be of 'g0: int7, group of 16' or of"},
      {"a group by the name of a preset", config_of(R"("quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"W4A16": ["Linear"]})"), {{"q.weight_packed", DType::kI32, {8, 4}}}, Errc::kUnsupported, "'W4A16' is the name of a preset"},
      {"a group of 16 bits", compressed("int-quantized", {R"("num_bits": 16)"}), {{"q.weight", DType::kI8, {8, 8}}}, Errc::kUnsupported, "'num_bits' is 16, and of type 'int' 1 to 8 are read"},
      {"a strategy for activations", compressed("int-quantized", {R"("strategy": "token")"}), {{"q.weight", DType::kI8, {8, 8}}}, Errc::kUnsupported, "'strategy' is 'token', which is not read of weights"},
      {"groups of nothing", compressed("int-quantized", {R"("strategy": "group", "group_size": 0)"}), {{"q.weight", DType::kI8, {8, 8}}}, Errc::kCorrupt, "'group_size' is 0, should be from 1 to 2147483647"},
      {"Marlin", compressed("marlin-24", {}), {{"q.weight_packed", DType::kI32, {8, 4}}}, Errc::kUnsupported, "'format' is 'marlin-24', and dense, int-quantized"},
      {"sparse", config_of(R"("quant_method": "compressed-tensors", "format": "int-quantized", "sparsity_config": {"format": "sparse-24-bitmask"})"), {{"q.weight", DType::kI8, {8, 8}}}, Errc::kUnsupported, "'format' is 'sparse-24-bitmask', and only dense weights are read"},
      {"turned while it runs", config_of(R"("quant_method": "compressed-tensors", "format": "int-quantized", "transform_config": {"config_groups": {}})"), {{"q.weight", DType::kI8, {8, 8}}}, Errc::kUnsupported, "'transform_config' turns activations while the model runs"},
      {"a plain weight with a scale", kInt8, {{"q.weight", DType::kBF16, {8, 8}}, {"q.weight_scale", DType::kBF16, {8, 1}}}, Errc::kCorrupt, "tensor 'q.weight_scale' belongs to a quantiser, and what is beside it makes no weight as compressed-tensors stores them"},

      {"LLM.int8 scales alone", kBnb8, {{"q.SCB", DType::kF32, {8}}}, Errc::kCorrupt, "tensor 'q.SCB' of F32 [8] has no 'q.weight' beside it"},
      {"LLM.int8 without scales", kBnb8, {{"q.weight", DType::kI8, {8, 8}}}, Errc::kCorrupt, "tensor 'q.weight' of I8 [8, 8] has no 'q.SCB' beside it"},
      {"LLM.int8 with other scales", kBnb8, {{"q.weight", DType::kI8, {8, 4}}, {"q.SCB", DType::kF32, {4}}}, Errc::kCorrupt, "tensor 'q.SCB' of F32 [4] should have shape [8] to fit tensor 'q.weight' of I8 [8, 4]"},
      {"4 bits without a state", kBnb4, {{"q.weight", DType::kU8, {32, 1}}, {"q.weight.absmax", DType::kF32, {1}}, {"q.weight.quant_map", DType::kF32, {16}}}, Errc::kCorrupt, "tensor 'q.weight' of U8 [32, 1] has no 'q.weight.quant_state.bitsandbytes__nf4' beside it"},
      {"a state without a weight", kBnb4, {{"q.weight.quant_state.bitsandbytes__nf4", DType::kU8, {8}}}, Errc::kCorrupt, "has no 'q.weight' beside it"},
      {"a state of nothing", kBnb4, {{"q.weight", DType::kU8, {32, 1}}, {"q.weight.quant_state.bitsandbytes__nf4", DType::kU8, {8}}}, Errc::kCorrupt, "not valid JSON"},
      {"a state of 5 KB", kBnb4, {{"q.weight", DType::kU8, {32, 1}}, {"q.weight.quant_state.bitsandbytes__nf4", DType::kU8, {5000}}}, Errc::kCorrupt, "has more than 4096 bytes"},

      {"layers that lie the other way round", R"({"model_type": "gpt2", "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 16}})", {{"q.qweight", DType::kI32, {4, 32}}, {"q.qzeros", DType::kI32, {2, 4}}, {"q.scales", DType::kF16, {2, 32}}}, Errc::kUnsupported,
       "of a model whose layers are Conv1D"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TemporaryFolder folder;
    write_checkpoint(folder.path(), c.config, c.tensors);
    CHECK_THROWS_MATCHES(open_checkpoint(folder.path()), Error, is_error(c.code, c.says));
  }
}

TEST_CASE("quantised: a method that is not read is refused by its name", "[checkpoint][quantised]") {
  const auto* method = GENERATE("hqq", "eetq", "quanto", "aqlm", "vptq", "spqr", "higgs", "torchao", "fbgemm_fp8", "modelopt", "auto-round", "quark", "bitnet");
  const TemporaryFolder folder;
  write_checkpoint(folder.path(), config_of(fmt::format(R"("quant_method": "{}")", method)), {{"q.weight", DType::kF8E4M3, {8, 8}}, {"q.weight_scale", DType::kF32, {8, 1}}});
  CHECK_THROWS_MATCHES(open_checkpoint(folder.path()), Error,
                       is_error(Errc::kUnsupported, fmt::format("is quantised: config.json has 'quantization_config' ({}). Of quantised checkpoints those of gptq, awq, fp8,", method)));
}

TEST_CASE("quantised: bitsandbytes' own words for a weight are held to what is there", "[checkpoint][quantised]") {
  struct Case { const char* title; std::string state; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"no object", "[]", "is no JSON object but array"},
      {"no shape", R"({"quant_type": "nf4", "blocksize": 64})", "has no list 'shape'"},
      {"a shape of text", R"({"quant_type": "nf4", "blocksize": 64, "shape": ["8"]})", "'shape' is no list of numbers above 0"},
      {"a shape with 0", R"({"quant_type": "nf4", "blocksize": 64, "shape": [8, 0]})", "'shape' is no list of numbers above 0"},
      {"a shape that nobody counts", R"({"quant_type": "nf4", "blocksize": 64, "shape": [4611686018427387904, 4]})", "whose product can be counted"},
      {"a shape of more numbers", R"({"quant_type": "nf4", "blocksize": 64, "shape": [8, 9]})", "tensor 'q.weight' of U8 [32, 1] has 32 bytes, and the 72 numbers of shape [8, 9] need 36"},
      {"blocks of nothing", R"({"quant_type": "nf4", "blocksize": 0, "shape": [8, 8]})", "'blocksize' is 0, should be from 1 to 2147483647"},
      {"other blocks", R"({"quant_type": "nf4", "blocksize": 32, "shape": [8, 8]})", "tensor 'q.weight.absmax' of F32 [1] should have shape [2]"},
      {"another type", R"({"quant_type": "fp4", "blocksize": 64, "shape": [8, 8]})", "says 'quant_type' 'fp4'"},
      {"scales that are quantised too", R"({"quant_type": "nf4", "blocksize": 64, "shape": [8, 8], "nested_blocksize": 256, "nested_offset": 0.5})", "tensor 'q.weight.absmax' of F32 [1] should be U8"},
      {"and nobody says from where", R"({"quant_type": "nf4", "blocksize": 64, "shape": [8, 8], "nested_blocksize": 256})", "'nested_offset' is no number"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TemporaryFolder folder;
    write_with_bytes(folder.path(), kBnb4, {{{"q.weight", DType::kU8, {32, 1}}, std::string(32, '\0')}, {{"q.weight.absmax", DType::kF32, {1}}, std::string(4, '\0')},
                                            {{"q.weight.quant_map", DType::kF32, {16}}, std::string(64, '\0')},
                                            {{"q.weight.quant_state.bitsandbytes__nf4", DType::kU8, {static_cast<std::int64_t>(c.state.size())}}, c.state}});
    CHECK_THROWS_MATCHES(open_checkpoint(folder.path()), Error, is_error(Errc::kCorrupt, c.says));
  }
}

TEST_CASE("quantised: what says how a weight is stored is part of the fingerprint", "[checkpoint][quantised]") {
  const auto fingerprint_of = [](std::int64_t columns) {
    const TemporaryFolder folder;
    const std::int64_t shape[] = {8, columns};
    write_with_bytes(folder.path(), compressed("pack-quantized", {R"("num_bits": 4, "strategy": "channel")"}),
                     {{{"q.weight_packed", DType::kI32, {8, 4}}, std::string(128, '\0')}, {{"q.weight_scale", DType::kF32, {8, 1}}, std::string(32, '\0')},
                      {{"q.weight_shape", DType::kI64, {2}}, std::string(reinterpret_cast<const char*>(shape), sizeof shape)}});
    const auto model = open_checkpoint(folder.path());
    CHECK(model.find("q.weight")->shape == std::vector<std::int64_t>{8, columns});
    return model.source.fingerprint;
  };
  CHECK(fingerprint_of(31) != fingerprint_of(32));
  CHECK(fingerprint_of(31) == fingerprint_of(31));
}

TEST_CASE("quantised: LLM.int8 weights in an order that GPUs once wanted are refused", "[checkpoint][quantised]") {
  const TemporaryFolder folder;
  write_with_bytes(folder.path(), kBnb8, {{{"q.weight", DType::kI8, {8, 4}}, std::string(32, '\1')}, {{"q.SCB", DType::kF32, {8}}, std::string(32, '\0')}, {{"q.weight_format", DType::kU8, {}}, "\1"}});
  CHECK_THROWS_MATCHES(open_checkpoint(folder.path()), Error, is_error(Errc::kUnsupported, "tensor 'q.weight_format' of U8 [] says that the weight beside it does not lie row after row"));
}

TEST_CASE("quantised: a tensor that lies across its storage is refused", "[checkpoint][quantised]") {
  CHECK_THROWS_MATCHES(open_checkpoint(quantised("strided")), Error, is_error(Errc::kUnsupported, "tensor 'm.scales' of F16 [4, 32] does not lie in one piece, row after row"));
}

TEST_CASE("quantised: an index beyond the groups is refused when the numbers are wanted", "[checkpoint][quantised][encoding]") {
  struct Case { const char* title; std::string config; std::vector<Bytes> tensors; const char* says; };
  const auto indices = [](std::int32_t number) {
    std::string bytes;
    for (std::int32_t i = 0; i < 32; ++i) {
      const auto index = i == 5 ? number : i / 16;
      bytes.append(reinterpret_cast<const char*>(&index), sizeof index);
    }
    return bytes;
  };
  const auto gptq = [&](std::int32_t number) {
    return std::vector<Bytes>{{{"q.qweight", DType::kI32, {4, 32}}, std::string(512, '\0')}, {{"q.qzeros", DType::kI32, {2, 4}}, std::string(32, '\0')},
                              {{"q.scales", DType::kF16, {2, 32}}, std::string(128, '\0')}, {{"q.g_idx", DType::kI32, {32}}, indices(number)}};
  };
  const auto packed = [&](std::int32_t number) {
    return std::vector<Bytes>{{{"q.weight_packed", DType::kI32, {8, 4}}, std::string(128, '\0')}, {{"q.weight_scale", DType::kBF16, {8, 2}}, std::string(32, '\0')}, {{"q.weight_g_idx", DType::kI32, {32}}, indices(number)}};
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"GPTQ, above", kGptq, gptq(2), "GPTQ int4: g_idx puts column 5 into group 2, there are 2 groups"},
      {"GPTQ, below", kGptq, gptq(-1), "GPTQ int4: g_idx puts column 5 into group -1"},
      {"compressed-tensors, above", kInt4, packed(2), "int4 groups: g_idx puts column 5 into group 2"},
      {"compressed-tensors, a group of another size", kInt4, packed(1), "int4 groups: weight_g_idx has 15 columns in group 0, should be 16"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TemporaryFolder folder;
    write_with_bytes(folder.path(), c.config, c.tensors);
    const auto located = locate_checkpoint(folder.path());
    CHECK_THROWS_MATCHES(decoded(located, "q.weight", 1), Error, is_error(Errc::kCorrupt, c.says));
  }
}

TEST_CASE("quantised: pieces of another size are refused, not read beyond", "[checkpoint][quantised][encoding]") {
  const auto* folder = GENERATE("gptq-int3", "awq", "fp8-blocks", "ct-int4-asymmetric", "bnb-nf4", "bnb-int8", "mxfp4");
  const auto located = locate_checkpoint(quantised(folder) / "checkpoint");
  for (const auto& info : located.model.tensors()) {
    const auto& stored = located.tensors.at(info.name);
    if (!stored.encoding) continue;
    std::vector<std::string> bytes;
    for (const auto& extent : stored.extents) bytes.emplace_back(extent.size, '\0');
    std::vector<float> row(static_cast<std::size_t>(info.shape.back()));
    const auto decode = [&] {
      std::vector<Encoding::Piece> pieces;
      for (const auto& piece : bytes) pieces.emplace_back(reinterpret_cast<const std::uint8_t*>(piece.data()), piece.size());
      stored.encoding->decode(info.shape, pieces, 0, 1, row.data());
    };
    CHECK_NOTHROW(decode());
    for (auto& piece : bytes) {
      piece.pop_back();
      CHECK_THROWS_MATCHES(decode(), Error, is_error(Errc::kCorrupt, "bytes, should have"));
      piece.push_back('\0');
    }
    bytes.pop_back();
    CHECK_THROWS_MATCHES(decode(), Error, is_error(Errc::kCorrupt, "pieces, should be"));
  }
}
