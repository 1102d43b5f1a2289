// TorchScript files: written here by LibTorch itself, with the reference checkpoints' tensors.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <torch/script.h>
#include <torch/serialize.h>

#include <garage/checkpoint.hpp>
#include <garage/nn/extract.hpp>
#include <garage/nn/get_module.hpp>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "tensor_file.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

using Script = torch::jit::Module;

Script child(Script& parent, const std::string& name, const std::string& path) {
  if (parent.hasattr(name)) return parent.attr(name).toModule();
  Script made(torch::jit::QualifiedName("__torch__.reference." + path));
  parent.register_module(name, made);
  return made;
}

void add(Script& root, std::string_view name, const torch::Tensor& tensor) {
  auto owner = root;
  std::string path = "m";
  for (auto dot = name.find('.'); dot != name.npos; dot = name.find('.')) {
    const std::string step(name.substr(0, dot));
    path += "_" + step;
    owner = child(owner, step, path);
    name.remove_prefix(dot + 1);
  }
  owner.register_parameter(std::string(name), tensor, false);
}

Script script_of(const std::map<std::string, torch::Tensor>& tensors) {
  Script root("__torch__.reference.m");
  for (const auto& [name, tensor] : tensors) add(root, name, tensor);
  return root;
}

// reference/<variant> as a TorchScript file, with its config beside it.
fs::path write_script(const TemporaryFolder& folder, const std::string& variant, const Script& script) {
  fs::copy_file(reference(variant) / "config.json", folder / "config.json", fs::copy_options::overwrite_existing);
  const auto file = folder / "model.pt";
  script.save(file.string());
  return file;
}

}  // namespace

TEST_CASE("torchscript: a file gives the spec that its checkpoint gives, and parts that run", "[nn][torchscript]") {
  const auto variant = GENERATE("gpt2", "llama-3.1", "mixtral", "gemma-3-text", "phi-3", "qwen2");
  INFO(variant);
  TestRegistry registry;
  const auto tensors = read_tensors(reference(variant) / "model.safetensors");
  const auto file = write_script(registry.folder, variant, script_of(tensors));
  auto from_file = *registry->register_model("file", open_checkpoint(reference(variant)));
  const auto script = *registry->register_model("script", open_checkpoint(file));
  CHECK(script.source.kind == "torchscript");
  from_file.model_id = script.model_id;
  from_file.source = script.source;
  CHECK(script == from_file);
  const auto ids = torch::arange(10).reshape({2, 5});
  CHECK(torch::equal(nn::load_model(registry.registry, "script")->forward(ids), nn::load_model(registry.registry, "file")->forward(ids)));
  nn::extract_part(registry.registry, "script", "layer_1", registry.folder / "part");
  const auto states = torch::linspace(-1, 1, 3 * script.hidden_dim).reshape({1, 3, script.hidden_dim});
  CHECK(torch::equal(nn::load_extracted(registry.folder / "part")->forward(states), nn::get_module(registry.registry, "file", "layer_1")->forward(states)));
}

TEST_CASE("torchscript: a file that Python's PyTorch wrote computes what transformers computes", "[nn][torchscript][reference]") {
  TestRegistry registry;
  const auto file = registry.folder / "llama.pt";
  fs::copy_file(test_data("torchscript/llama-3.1.pt"), file);
  fs::copy_file(reference("llama-3.1") / "config.json", registry.folder / "config.json");
  registry->register_model("m", open_checkpoint(file));
  auto computed = read_tensors(test_data("computed/llama-3.1.safetensors"));
  const auto logits = nn::load_model(registry.registry, "m")->forward(computed.at("input_ids"));
  const auto& theirs = computed.at("logits");
  CHECK(((logits - theirs).abs().max() / theirs.abs().max()).item<double>() <= 1e-5);
}

TEST_CASE("torchscript: one tensor under two names is one", "[nn][torchscript]") {
  auto tensors = read_tensors(reference("llama-2") / "model.safetensors");
  tensors["lm_head.weight"] = tensors.at("model.embed_tokens.weight");
  TestRegistry registry;
  const auto spec = registry->register_model("m", open_checkpoint(write_script(registry.folder, "llama-2", script_of(tensors))));
  CHECK(spec->parts.find("output_head")->extra_info.at("tie") == "recorded_by_file");
  CHECK(nn::load_model(registry.registry, "m")->forward(torch::zeros({1, 1}, torch::kInt64)).size(2) == 96);
}

TEST_CASE("torchscript: a slice of a larger storage is found, and a transposed one", "[nn][torchscript]") {
  auto tensors = read_tensors(reference("llama-2") / "model.safetensors");
  auto& up = tensors.at("model.layers.0.mlp.up_proj.weight");
  up = torch::cat({torch::ones({7, 32}), up, torch::ones({3, 32})}).narrow(0, 7, 56);
  auto& down = tensors.at("model.layers.1.mlp.down_proj.weight");
  down = down.t().contiguous().t();
  TestRegistry registry;
  registry->register_model("m", open_checkpoint(write_script(registry.folder, "llama-2", script_of(tensors))));
  registry->register_model("file", open_checkpoint(reference("llama-2")));
  const auto states = torch::linspace(-1, 1, 3 * 32).reshape({1, 3, 32});
  CHECK(torch::equal(nn::get_module(registry.registry, "m", "ffn_0")->forward(states), nn::get_module(registry.registry, "file", "ffn_0")->forward(states)));
  const auto transposed = nn::get_module(registry.registry, "m", "ffn_1");
  CHECK(transposed->named_parameters()["down.weight"].strides() == torch::IntArrayRef({1, 32}));
  CHECK(torch::equal(transposed->named_parameters()["down.weight"], read_tensors(reference("llama-2") / "model.safetensors").at("model.layers.1.mlp.down_proj.weight")));
}

TEST_CASE("torchscript: what is cut off or is something else is told", "[nn][torchscript][errors]") {
  TestRegistry registry;
  const auto file = write_script(registry.folder, "llama-2", script_of(read_tensors(reference("llama-2") / "model.safetensors")));
  const auto spec = registry->register_model("m", open_checkpoint(file));
  const auto bytes = read_text(file);
  SECTION("cut off") {
    fs::resize_file(file, bytes.size() / 2);
    CHECK_THROWS_MATCHES(open_checkpoint(file), Error, is_error(Errc::kCorrupt, "model.pt: is no zip archive, or is cut off"));
    CHECK_THROWS_MATCHES(nn::get_module(registry.registry, "m", "ffn_0"), Error, is_error(Errc::kCorrupt, "is cut off"));
  }
  SECTION("a weight changed") {
    auto tensors = read_tensors(reference("llama-2") / "model.safetensors");
    tensors.at("model.norm.weight").add_(1);
    write_script(registry.folder, "llama-2", script_of(tensors));
    CHECK_THROWS_MATCHES(nn::get_module(registry.registry, "m", "ffn_0"), Error, is_error(Errc::kCorrupt, "changed since 'm' was registered"));
  }
  SECTION("a list of tensors, not a module") {
    torch::save(std::vector<torch::Tensor>{torch::ones({2})}, file.string());
    CHECK_THROWS_AS(registry->register_model("x", open_checkpoint(file)), Error);
  }
  SECTION("every byte of the pickle changed in turn is an error or a model, never a crash") {
    const auto at = bytes.find("data.pkl") + 8;
    for (std::size_t i = at; i < at + 1500; i += 3) {
      auto broken = bytes;
      broken[i] = static_cast<char>(broken[i] ^ 0x15);
      write_text(file, broken);
      try {
        registry->register_model("broken", open_checkpoint(file));
      } catch (const Error&) {}
    }
  }
}
