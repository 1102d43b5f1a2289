// One model in every form that people have on disk computes what transformers computes: tests/data/gguf, quantised,
// adapters and layouts.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/checkpoint.hpp>
#include <garage/convert.hpp>
#include <garage/nn/diff_weights.hpp>
#include <garage/nn/get_module.hpp>

#include "tensor_file.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

struct Form {
  fs::path checkpoint, reference;
  OpenOptions open = {};
};

std::vector<Form> forms() {
  std::vector<Form> found;
  for (const auto& entry : fs::directory_iterator(test_data("gguf")))
    if (entry.is_directory()) found.push_back({entry.path(), entry.path() / "reference.safetensors"});
  for (const auto& entry : fs::directory_iterator(test_data("quantised"))) {
    const Form form{entry.path() / "checkpoint", entry.path() / "reference.safetensors"};
    if (entry.is_directory() && fs::exists(form.reference) && read_tensors(form.reference).contains("logits"))
      found.push_back(form);
  }
  for (const auto* name : {"lora", "lora-rs"}) {
    Form form{test_data("adapters/llama"), test_data("adapters") / name / "reference.safetensors"};
    form.open.adapters.push_back({test_data("adapters") / name, 1});
    found.push_back(form);
  }
  found.push_back({test_data("layouts/variant"), test_data("layouts/variant/reference.safetensors")});
  return found;
}

double apart(const torch::Tensor& ours, const torch::Tensor& theirs) {
  REQUIRE(ours.sizes() == theirs.sizes());
  return ((ours - theirs).abs().max() / theirs.abs().max()).item<double>();
}

nn::ModuleOptions in_float32(bool keep_packed = false) {
  nn::ModuleOptions options{torch::kCPU, torch::kFloat32};
  options.keep_packed = keep_packed;
  return options;
}

}  // namespace

TEST_CASE("formats: logits are what transformers computes, decoded at once, packed and converted", "[nn][formats]") {
  REQUIRE(forms().size() > 35);
  for (const auto& form : forms()) {
    INFO(form.checkpoint << " " << form.reference);
    const auto computed = read_tensors(form.reference);
    const auto ids = computed.at("input_ids");
    TestRegistry registry;
    registry->register_model("m", open_checkpoint(form.checkpoint, form.open));
    const auto ours = nn::load_model(registry.registry, "m", in_float32())->forward(ids);
    CHECK(apart(ours, computed.at("logits")) <= 1e-5);
    // The same numbers, whenever they are decoded.
    const auto packed = nn::load_model(registry.registry, "m", in_float32(true));
    CHECK(torch::equal(packed->forward(ids), ours));
    convert_model(registry.registry, "m", registry.folder / "plain");
    registry->register_model("plain", open_checkpoint(registry.folder / "plain"));
    const auto converted = nn::load_model(registry.registry, "plain", in_float32())->forward(ids);
    CHECK(apart(converted, ours) <= 1e-6);
    for (const auto& part : nn::diff_weights(registry.registry, "m", "plain").parts) {
      INFO(part.part);
      CHECK(part.largest == 0);
    }
  }
}

TEST_CASE("formats: what is kept packed has no parameters, and runs in any dtype", "[nn][formats]") {
  TestRegistry registry;
  registry->register_model("m", open_checkpoint(test_data("gguf/llama-Q8_0")));
  const auto dense = nn::get_module(registry.registry, "m", "ffn_0", in_float32());
  const auto packed = nn::get_module(registry.registry, "m", "ffn_0", in_float32(true));
  CHECK(dense->parameters().size() == 3);
  CHECK(packed->parameters().empty());
  auto options = in_float32(true);
  options.dtype = torch::kBFloat16;
  const auto x = torch::randn({1, 3, 32});
  const auto narrow = nn::get_module(registry.registry, "m", "ffn_0", options)->forward(x.to(torch::kBFloat16));
  CHECK(narrow.scalar_type() == torch::kBFloat16);
  CHECK(apart(narrow.to(torch::kFloat32), dense->forward(x)) < 0.05);
}

TEST_CASE("formats: the config keeps weights packed, and a caller may say otherwise", "[nn][formats]") {
  const TemporaryFolder folder;
  auto config = test_config(folder / "catalog");
  config.devices.keep_packed = true;
  ModelRegistry registry(std::move(config));
  registry.register_model("m", open_checkpoint(test_data("gguf/llama-Q8_0")));
  CHECK(nn::get_module(registry, "m", "ffn_0")->parameters().empty());
  CHECK(nn::get_module(registry, "m", "ffn_0", in_float32(false))->parameters().size() == 3);
}
