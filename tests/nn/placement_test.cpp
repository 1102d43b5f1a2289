// Where parts run, and as what: the config's `devices`.
#include <catch2/catch_test_macros.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

namespace {

// reference/<variant> as "org/m", with these settings.
struct Placed {
  TemporaryFolder folder;
  ModelRegistry registry;

  static Config config(const std::filesystem::path& catalog, DeviceSettings devices) {
    auto made = test_config(catalog);
    made.devices = std::move(devices);
    return made;
  }
  Placed(const std::string& variant, DeviceSettings devices) : registry(config(folder / "catalog", std::move(devices))) {
    registry.register_model("org/m", open_checkpoint(reference(variant)));
  }
  torch::ScalarType dtype(const std::string& part, const nn::ModuleOptions& options = {}) {
    return nn::get_module(registry, "org/m", part, options)->parameters().front().scalar_type();
  }
};

DeviceSettings rules(std::vector<DeviceRule> given, std::string dtype = "keep") { return {"cpu", std::move(dtype), std::move(given)}; }

}  // namespace

TEST_CASE("nn: the first rule that matches decides, then what is around the part, then the default", "[nn][placement]") {
  Placed placed("mixtral", rules({{"other/*", "*", {}, "float16"}, {"org/*", "layer_{1..9}", {}, "bfloat16"}, {"*", "ffn_1", {}, "float16"}}, "float32"));
  CHECK(placed.dtype("layer_0") == torch::kFloat32);
  CHECK(placed.dtype("layer_2") == torch::kBFloat16);
  CHECK(placed.dtype("attention_2") == torch::kBFloat16);
  CHECK(placed.dtype("expert_2_3") == torch::kBFloat16);
  CHECK(placed.dtype("attention_1") == torch::kBFloat16);
  CHECK(placed.dtype("expert_1_0") == torch::kFloat16);
  CHECK(placed.dtype("gate_1") == torch::kFloat16);
  CHECK(placed.dtype("norm") == torch::kFloat32);
}

TEST_CASE("nn: a caller's word comes before the config's", "[nn][placement]") {
  Placed placed("llama-3.2-tied", rules({{"*", "*", "cuda:7", "float16"}}));
  CHECK(placed.dtype("ffn_0", {torch::kCPU, torch::kFloat32}) == torch::kFloat32);
  CHECK(placed.dtype("ffn_0", {torch::kCPU, std::nullopt, true}) == torch::kBFloat16);
  CHECK(placed.dtype("ffn_0", {torch::kCPU}) == torch::kFloat16);
  CHECK_THROWS_MATCHES(placed.dtype("ffn_0"), Error, is_error(Errc::kUnsupported, "device 'cuda:7' is not there"));
}

TEST_CASE("nn: a model whose parts are of different dtypes runs", "[nn][placement]") {
  Placed placed("gemma-2", rules({{"*", "ffn_*", {}, "bfloat16"}, {"*", "layer_1", {}, "bfloat16"}}));
  Placed plain("gemma-2", rules({}));
  const auto ids = torch::arange(12).reshape({2, 6});
  const auto mixed = nn::load_model(placed.registry, "org/m")->forward(ids);
  CHECK(mixed.scalar_type() == torch::kFloat32);
  CHECK(torch::allclose(mixed, nn::load_model(plain.registry, "org/m")->forward(ids), 0.1, 0.1));
  Placed mixture("mixtral-fused", rules({{"*", "expert_*", {}, "bfloat16"}}));
  CHECK(nn::load_model(mixture.registry, "org/m")->forward(ids).isfinite().all().item<bool>());
}

TEST_CASE("nn: a tensor of a type that LibTorch lacks is named", "[nn][placement][errors]") {
  auto tensors = tensors_of(reference("llama-2"));
  for (auto& tensor : tensors)
    if (tensor.name.ends_with("layers.1.mlp.up_proj.weight")) tensor.dtype = DType::kF8E8M0;
  Placed placed("llama-2", rules({}));
  write_checkpoint(placed.folder / "narrow", read_text(reference("llama-2") / "config.json"), tensors);
  placed.registry.register_model("org/m", open_checkpoint(placed.folder / "narrow"));
  CHECK_NOTHROW(placed.dtype("ffn_0"));
  CHECK_THROWS_MATCHES(placed.dtype("ffn_1"), Error, is_error(Errc::kUnsupported, "tensor 'model.layers.1.mlp.up_proj.weight' is F8_E8M0, for which this LibTorch"));
}
