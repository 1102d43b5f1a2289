// What an encoding says of arrays gives the bits that its decode() gives, which other tests hold to the field's own code:
// with LibTorch's tensors on the CPU, and on a GPU where there is one.
#include <algorithm>
#include <cstring>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <ATen/Context.h>

#include <garage/encoded_tensor.hpp>
#include <garage/nn/get_module.hpp>

#include "../../core/nn/src/weights/packed_on_device.hpp"
#include "../../core/nn/src/weights/stored_tensor.hpp"
#include "../../core/nn/src/weights/tensor_array.hpp"
#include "../../core/src/encoding/ggml/ggml_types.hpp"
#include "tensor_file.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

std::vector<torch::Device> devices() {
  std::vector<torch::Device> found{torch::kCPU};
  if (at::globalContext().hasCUDA()) found.emplace_back(torch::kCUDA, 0);
  return found;
}

torch::Tensor sent(Encoding::Piece piece, torch::Device device) {
  return torch::from_blob(const_cast<std::uint8_t*>(piece.data()), {static_cast<std::int64_t>(piece.size())}, torch::kUInt8).to(device, torch::kUInt8, false, true);
}

// Of numbers that are none it does not matter which.
bool same_bits(const torch::Tensor& a, const torch::Tensor& b) {
  const auto x = a.to(torch::kCPU, torch::kFloat32).contiguous(), y = b.to(torch::kCPU, torch::kFloat32).contiguous();
  return x.sizes() == y.sizes() && (x.view(torch::kInt32).eq(y.view(torch::kInt32)) | (x.isnan() & y.isnan())).all().item<bool>();
}

// Rows at the beginning, in the middle, and all.
std::vector<std::pair<std::int64_t, std::int64_t>> some_rows(std::int64_t count) {
  std::vector<std::pair<std::int64_t, std::int64_t>> some{{0, 1}, {0, count}, {count - 1, 1}};
  if (count > 3) some.emplace_back(count / 3, count / 2);
  return some;
}

void check(const Encoding& encoding, const Encoding::Shape& shape, std::span<const Encoding::Piece> pieces) {
  const auto [count, columns] = rows_of(shape);
  for (const auto device : devices()) {
    std::vector<Array> there;
    for (const auto& piece : pieces) there.push_back(nn::array_of(sent(piece, device)));
    const auto on_device = encoding.on_device(shape, pieces, there);
    REQUIRE(on_device.rows);
    for (const auto& [first, rows] : some_rows(count)) {
      INFO(device << ", rows " << first << " + " << rows << " of " << count);
      auto expected = torch::empty({rows, columns});
      encoding.decode(shape, pieces, first, rows, expected.data_ptr<float>());
      const auto decoded = nn::tensor_of(on_device.rows(first, rows));
      CHECK(decoded.device() == device);
      CHECK(decoded.scalar_type() == torch::kFloat32);
      CHECK(same_bits(decoded, expected));
    }
  }
}

// Of a family that nobody knows, too.
std::shared_ptr<WeightFiles> files_of(const Model& model) {
  ModelSpec spec;
  spec.source = model.source;
  return WeightFiles::unshared(spec, {plugin_folder()});
}

struct Stored {
  fs::path checkpoint;
  OpenOptions options = {.tables = std::vector{plugin_folder()}};
};

std::vector<Stored> encoded_checkpoints() {
  std::vector<Stored> found;
  for (const auto& entry : fs::directory_iterator(test_data("gguf")))
    if (entry.is_directory()) found.push_back({entry.path()});
  for (const auto& entry : fs::directory_iterator(test_data("quantised")))
    if (fs::exists(entry.path() / "checkpoint")) found.push_back({entry.path() / "checkpoint"});
  for (const auto& [base, adapter] : std::vector<std::pair<const char*, const char*>>{{"llama", "lora"}, {"llama", "lora-rs"}, {"llama", "dora"}, {"llama", "patterns"}, {"llama", "saved"}, {"llama", "embedding"}, {"gpt2", "conv1d"}}) {
    Stored stored{test_data("adapters") / base};
    stored.options.adapters.push_back({test_data("adapters") / adapter, 1});
    found.push_back(stored);
  }
  return found;
}

}  // namespace

TEST_CASE("on a device: every encoding of ggml", "[nn][encoding]") {
  const auto rows = read_tensors(test_data("gguf/ggml-rows.safetensors"));
  int tried = 0;
  for (std::uint32_t number = 0; number < 64; ++number) {
    const auto* type = ggml_type(number);
    const auto encoding = type ? ggml_encoding(*type, false) : nullptr;
    if (!encoding) continue;
    const std::string name(type->name);
    INFO(name);
    const auto& bytes = rows.at(name + ".bytes");
    const auto shape = rows.at(name + ".numbers").sizes().vec();
    const Encoding::Piece piece(bytes.data_ptr<std::uint8_t>(), static_cast<std::size_t>(bytes.numel()));
    check(*encoding, shape, {&piece, 1});
    ++tried;
  }
  CHECK(tried == 25);
}

TEST_CASE("on a device: every tensor of the quantised and adapted checkpoints", "[nn][encoding]") {
  for (const auto& [checkpoint, options] : encoded_checkpoints()) {
    INFO(checkpoint);
    const auto model = open_checkpoint(checkpoint, options);
    const auto files = files_of(model);
    for (const auto& tensor : model.tensors()) {
      if (!files->stored(tensor.name).encoding || tensor.elements() == 0) continue;
      INFO(tensor.name << ", " << files->stored(tensor.name).encoding->name());
      if (files->stored(tensor.name).encoding->name().ends_with("big-endian")) continue;
      const EncodedTensor encoded(*files, tensor);
      check(encoded.encoding(), tensor.shape, encoded.pieces());
    }
  }
}

TEST_CASE("on a device: views, and the dtype that the model says", "[nn][encoding]") {
  const auto model = open_checkpoint(test_data("quantised/mxfp4/checkpoint"));
  const auto files = files_of(model);
  using Kind = ViewStep::Kind;
  for (const auto& tensor : model.tensors()) {
    if (!files->stored(tensor.name).encoding) continue;
    INFO(tensor.name);
    const auto type = nn::scalar_type_of(*files, tensor);
    REQUIRE(tensor.shape.size() == 3);
    const auto [experts, rows, columns] = std::tuple(tensor.shape[0], tensor.shape[1], tensor.shape[2]);
    for (const auto device : devices()) {
      EncodedTensor encoded(*files, tensor);
      std::vector<torch::Tensor> there;
      for (const auto& piece : encoded.pieces()) there.push_back(sent(piece, device));
      const nn::PackedOnDevice packed(std::move(encoded), there, type);
      for (const auto& view : std::vector<std::vector<ViewStep>>{{}, {{Kind::select, {0, experts - 1}}}, {{Kind::narrow, {0, 1, 1}}, {Kind::transpose, {1, 2}}}, {{Kind::select, {0, 1}}, {Kind::narrow, {0, 2, rows - 2}}, {Kind::transpose, {0, 1}}}, {{Kind::narrow, {1, 0, rows / 2}}}, {{Kind::view, {experts * rows, columns}}}, {{Kind::narrow, {0, 0, 0}}}}) {
        for (const auto dtype : {torch::kFloat32, torch::kBFloat16}) {
          const auto expected = nn::stored_tensor(*files, tensor, view).to(dtype);
          const auto seen = packed.seen(view, dtype);
          CHECK(seen.scalar_type() == dtype);
          CHECK(same_bits(seen, expected));
        }
      }
    }
  }
}
